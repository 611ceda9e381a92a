/* What the core knows of learning, where it is built in (TB_TRAIN): docs/train.md. */
#ifndef TINYBENCH_TRAIN_H
#define TINYBENCH_TRAIN_H

/* `train WHAT ...`, and its word of `caps`. */
void train_run(char *rest);
void train_caps(void);

#endif
