/* The header first and alone: it must bring all that it needs. */
#include "deconvnet.h"

int main(void)
{
    dcn_conv_desc conv = {.filters = 64, .kernel = {5, 5}};
    return conv.stride[0];
}
