/* report.h - the parts of the HTML report. Each appends to a growing page. */
#ifndef DCN_VIEW_REPORT_H
#define DCN_VIEW_REPORT_H

#include "base/error.h"
#include "base/text.h"

extern const char dcn__report_css[];

/* Text from anywhere, safe between tags and inside double quotes. NULL is nothing. */
void dcn__report_text(dcn__string *page, const char *text);
void dcn__report_base64(dcn__string *page, const uint8_t *bytes, size_t size);
/* A number of a curve, with about 4 digits. */
void dcn__report_number(dcn__string *page, double value);
/* The last finite value of a curve; NaN: none. */
double dcn__report_last(const dcn_report_curve *curve, double *x);

void dcn__report_chart(dcn__string *page, const dcn_report_chart *chart);
dcn_status dcn__report_picture(dcn__string *page, const dcn_report_picture *picture,
                               dcn_error *err);
void dcn__report_confusion(dcn__string *page, const dcn_report_desc *desc);
void dcn__report_table(dcn__string *page, const dcn_report_table *table);

#endif
