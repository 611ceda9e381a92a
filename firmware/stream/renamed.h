/* Included before a compiled model that is built behind a front end: its input is not the
 * firmware's any more, and its layers are not all. */
#ifndef TINYBENCH_RENAMED_H
#define TINYBENCH_RENAMED_H

#define model_input net_input
#define model_input_b net_input_b
#define model_input_flip net_input_flip
#define model_load net_load
#define model_infer net_infer
#define model_infer_layer net_infer_layer
#define model_keep_state net_keep_state
#define model_finish net_finish

#define MODEL_LAYERS_BEFORE 1

#endif
