// JPEG pictures by TurboJPEG (libturbojpeg.so.0), found at run time.
#ifndef CE_JPEG_H
#define CE_JPEG_H

#include "ce_types.h"

/// Looks for TurboJPEG and binds it; true where it is ready. The first call decides, later ones repeat its answer; safe from
/// any thread.
///
/// Where MARTLET_TURBOJPEG is set, it names the library's file, or is "none"; else the system's loader path serves.
bool ce_jpeg_load(void);

/// What the search found, or the loader's reason. Never NULL; empty before `ce_jpeg_load`.
const char *ce_jpeg_report(void);

/// A picture's size, and 1 channel for grey or 3 for colours. CE_UNIMPLEMENTED for inks (CMYK).
ce_status ce_jpeg_measure(const uint8_t *bytes, size_t count, int *width, int *height, int *channels);

/// Decodes a picture that `ce_jpeg_measure` measured: rows of pixels, the channels of each side by side.
ce_status ce_jpeg_decode(const uint8_t *bytes, size_t count, int width, int height, int channels, uint8_t *pixels);

/// Encodes pixels of 1 or 3 channels at a quality of 1 to 100, colours at half resolution both ways. `ce_jpeg_free` takes the
/// bytes back.
ce_status ce_jpeg_encode(
    const uint8_t *pixels, int width, int height, int channels, int quality, uint8_t **bytes, size_t *count);
void ce_jpeg_free(uint8_t *bytes);

#endif
