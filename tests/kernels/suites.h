/* The suites of test_kernels; each walks the rows of its kernels that this processor can run. */
#ifndef SUITES_H
#define SUITES_H

void test_registry(void);
void test_f16(void);
void test_vectors(void);
void test_attention(void);
void test_matrices(void);
void test_split(void);

#endif
