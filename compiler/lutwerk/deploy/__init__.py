"""Copies a bundle to a device over ssh, after checking that the device can run it."""

from lutwerk.deploy.deploy import Deployed, DeployOptions, deploy

__all__ = ["DeployOptions", "Deployed", "deploy"]
