/* digest.h - checksums of bytes: CRC-32C for damage, SHA-256 for identity.
 *
 * Neither is a signature: whoever can change a file can change its sum. */
#ifndef DCN_CODEC_DIGEST_H
#define DCN_CODEC_DIGEST_H

#include "base/error.h"

/* CRC-32C (Castagnoli, RFC 3720 appendix B.4). Cannot fail. */
uint32_t dcn__crc32c(const void *data, size_t bytes);
/* The form in which TFRecord files store it: a sum over bytes that hold sums would be weak. */
uint32_t dcn__crc32c_mask(uint32_t crc);

enum { DCN__SHA256_HEX = 65 };       /* 64 hexadecimal digits and a NUL */

/* SHA-256 in pieces. begin; update...; end. After begin, end or abort must follow; both accept a
 * zeroed object. Without librhash begin refuses by name (DCN_USAGE). */
typedef struct dcn__sha256 { void *context; } dcn__sha256;
dcn_status dcn__sha256_begin(dcn__sha256 *s, dcn_error *err);
void dcn__sha256_update(dcn__sha256 *s, const void *data, size_t bytes);
void dcn__sha256_end(dcn__sha256 *s, char hex[DCN__SHA256_HEX]);
void dcn__sha256_abort(dcn__sha256 *s);
/* All three at once. */
dcn_status dcn__sha256_hex(char hex[DCN__SHA256_HEX], const void *data, size_t bytes,
                           dcn_error *err);

#endif
