/* load_model.h - a model as the command's options want it: sizes, preprocessing, class names. */
#ifndef DCN_CLI_LOAD_MODEL_H
#define DCN_CLI_LOAD_MODEL_H

#include "options.h"

/* path: a model file of any kind. dcn_model_clear(model), also after a failure. */
dcn_status cli_load_model(dcn_model *model, const char *path, const cli_shared *shared,
                          dcn_error *err);
/* What was guessed and no option said better; "" if nothing. */
typedef struct cli_guess { char text[sizeof ((dcn_model *)NULL)->guess]; } cli_guess;
cli_guess cli_guess_of(const dcn_model *model, const cli_shared *shared);
/* Says it on standard error. Called when nothing is left to be refused: a refusal is
 * one line. */
void cli_tell_guess(const dcn_model *model, const cli_shared *shared);
/* Does the graph come from an ONNX file? Such networks are other people's. */
bool cli_is_imported(const dcn_graph *graph);

/* How the network answers: one number a class in an output of 1x1xC. */
typedef enum cli_answer {
    CLI_ANSWER_NONE,           /* the output is something else */
    CLI_ANSWER_LOGITS,         /* softmax makes probabilities of them */
    CLI_ANSWER_SHARES,         /* probabilities already */
    CLI_ANSWER_LOG_SHARES
} cli_answer;
cli_answer cli_answer_of(const dcn_model *model);
/* classes numbers of the output become probabilities, in place. */
void cli_to_shares(cli_answer answer, float *values, int classes);
/* The class's name, or its number written into `number`. */
const char *cli_class_name(const dcn_model *model, int i, char *number, size_t size);
/* The n largest of `values`, largest first; of equals the first. Returns how many there are. */
int cli_find_top(const float *values, int count, int *top, int n);

#endif
