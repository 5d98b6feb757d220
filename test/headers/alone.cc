// The header first and alone, as C++ reads it.
#include "deconvnet.h"

static_assert(DCN_STOPPED == 130, "a status is an exit code");

int main()
{
    dcn_conv_desc conv = {};
    return conv.stride[0];
}
