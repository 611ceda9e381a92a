/* Operators that move values and change none. `out` shares no memory with `in`. */
#ifndef TINYBENCH_MOVE_H
#define TINYBENCH_MOVE_H

#include <stdint.h>

/* Copies of `run_b` bytes in loops; starts and strides are in bytes. */
#define COPY_RANK 5
struct copy_strided {
    int32_t shape[COPY_RANK];
    int32_t in_stride[COPY_RANK];
    int32_t out_stride[COPY_RANK];
    int32_t in_start, out_start;
    int32_t run_b;
};
void copy_strided(const struct copy_strided *op, const void *in, void *out);

/* All of a tensor. */
struct copy_whole {
    int32_t size_b;
};
void copy_whole(const struct copy_whole *op, const void *in, void *out);

/* A row of `row_b` bytes comes behind the others of a state, whose first one goes; `kept_b` stay.
 */
struct shift_in {
    int32_t row_b;
    int32_t kept_b;
};
void shift_in(const struct shift_in *op, const void *in, void *state);

/* Rows of a tensor that is computed strip by strip, in each plane of it; channels innermost are one
 * plane. */
struct copy_rows {
    int32_t planes;
    int32_t size_b; /* in each */
    int32_t in_plane_b, out_plane_b;
};
void copy_rows(const struct copy_rows *op, const void *in, void *out);

/* The same value everywhere. */
struct fill {
    int32_t count;
    int32_t value;
};
void fill(const struct fill *op, void *out);

/* The same word of four bytes everywhere. */
struct fill_words {
    int32_t count;
    int32_t value;
};
void fill_words(const struct fill_words *op, void *out);

/* Runs of bytes along an axis of `whole` places, in the order of `places`. */
struct gather {
    const int32_t *places; /* [count] */
    int32_t outer, whole, count;
    int32_t run_b;
};
void gather(const struct gather *op, const void *in, void *out);

/* The same by places that are known only now: those outside are the first or the last one. */
struct gather_at {
    int32_t outer, whole, count;
    int32_t run_b;
};
void gather_at(const struct gather_at *op, const void *in, const void *places, void *out);

/* The nearest pixel of each row and column; a pixel has `channel_count` bytes. */
struct resize_nearest_neighbor {
    const int32_t *rows;    /* [out_h] */
    const int32_t *columns; /* [out_w] */
    int32_t in_w, out_h, out_w, channel_count;
};
void resize_nearest_neighbor(const struct resize_nearest_neighbor *op, const void *in, void *out);

#endif
