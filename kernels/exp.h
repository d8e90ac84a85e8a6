/* Constants of exp(x): the definition is in runtime/FORMAT.md, "Numerics". Degree-6 fit of e^r on
 * |r| <= ln(2) / 2, relative error of the float32 evaluation below 1.2e-7 over [-87, 88].
 * compiler/lutwerk/reference/numerics.py has the same. */
#ifndef LW_EXP_H
#define LW_EXP_H

#define LW_EXP_MIN -87.0f
#define LW_EXP_MAX 88.0f
#define LW_EXP_LOG2E 1.44269504f
#define LW_EXP_LN2_HI 0.693359375f
#define LW_EXP_LN2_LO -0x1.bd0106p-13f
#define LW_EXP_C0 1.0f
#define LW_EXP_C1 1.0f
#define LW_EXP_C2 0x1.fffffap-2f
#define LW_EXP_C3 0x1.5553cap-3f
#define LW_EXP_C4 0x1.55591ep-5f
#define LW_EXP_C5 0x1.1289e8p-7f
#define LW_EXP_C6 0x1.6aad96p-10f

#endif
