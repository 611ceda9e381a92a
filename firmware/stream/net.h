/* The model behind a front end: what core/model.h says of it, by other names (renamed.h). */
#ifndef TINYBENCH_NET_H
#define TINYBENCH_NET_H

#include <stdbool.h>
#include <stdint.h>

extern const uint32_t net_input_b;
extern uint8_t net_input[];
void net_load(void);
int net_infer(void);
int net_infer_layer(uint32_t index);
void net_finish(void);
bool net_keep_state(bool kept);

#endif
