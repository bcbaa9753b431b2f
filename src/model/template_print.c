/* Values as texts, as Go's package fmt shows them: print, println, printf. */
#include "model/template_internal.h"

#include "base/json.h"
#include "model/message.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH_MAX 200

/* ---- plain ----------------------------------------------------------------------- */

/* Go's %v of a float: the shortest digits that are this number, with an exponent
 * below 1e-4 and from 1e6 on. */
void tmpl_real_print(struct str *out, double v)
{
    char digits[40];
    int precision = 0;
    do {
        snprintf(digits, sizeof(digits), "%.*e", precision, v);
    } while (strtod(digits, NULL) != v && precision++ < 17);
    int exponent = (int)strtol(strchr(digits, 'e') + 1, NULL, 10);
    if (v != 0 && (exponent < -4 || exponent >= 6))
        str_add(out, digits);
    else
        str_addf(out, "%.*f", precision > exponent ? precision - exponent : 0, v);
}

static void print_texts(struct str *out, const struct string_list *list)
{
    str_addc(out, '[');
    for (size_t i = 0; i < list->n; i++)
        str_addf(out, "%s%s", i ? " " : "", list->at[i]);
    str_addc(out, ']');
}

static void print_pair(struct str *out, const struct pair *p, bool first)
{
    str_addf(out, "%s%s=%s", first ? "" : ", ", p->key, p->value);
}

/* In the order of SortedPairs: the alert's name first. */
static void print_map(struct str *out, const struct string_map *map)
{
    bool first = true;
    for (size_t i = 0; i < map->n; i++) {
        if (strcmp(map->at[i].key, "alertname") != 0)
            continue;
        print_pair(out, &map->at[i], first);
        first = false;
    }
    for (size_t i = 0; i < map->n; i++) {
        if (strcmp(map->at[i].key, "alertname") == 0)
            continue;
        print_pair(out, &map->at[i], first);
        first = false;
    }
}

void tmpl_value_print(struct str *out, const struct value *v)
{
    switch (v->type) {
    case TYPE_TEXT:
        str_add(out, v->text);
        break;
    case TYPE_BOOL:
        str_add(out, v->flag ? "true" : "false");
        break;
    case TYPE_INT:
        str_addf(out, "%lld", (long long)v->number);
        break;
    case TYPE_FLOAT:
        tmpl_real_print(out, v->real);
        break;
    case TYPE_TIME:
        tmpl_time_print(out, v->number);
        break;
    case TYPE_SPAN:
        tmpl_span_print(out, v->number);
        break;
    case TYPE_TEXTS:
        print_texts(out, &v->texts);
        break;
    default:
        print_map(out, &v->map);
        break;
    }
}

/* Between two that are no texts there is a space. */
EVAL(tmpl_eval_print)
{
    struct str out;
    str_init(&out, TEXT_MAX);
    for (size_t i = 0; i < call->n; i++) {
        if (i > 0 && args[i].type != TYPE_TEXT && args[i - 1].type != TYPE_TEXT)
            str_addc(&out, ' ');
        tmpl_value_print(&out, &args[i]);
    }
    return tmpl_run_str(r, &out);
}

EVAL(tmpl_eval_println)
{
    struct str out;
    str_init(&out, TEXT_MAX);
    for (size_t i = 0; i < call->n; i++) {
        if (i > 0)
            str_addc(&out, ' ');
        tmpl_value_print(&out, &args[i]);
    }
    str_addc(&out, '\n');
    return tmpl_run_str(r, &out);
}

/* ---- printf ---------------------------------------------------------------------- */

struct verb {
    bool minus, zero, plus;
    int width, precision; /* -1: none */
    char letter;          /* '\0': a text without verbs */
    const char *text;     /* what stands before it */
    size_t n;
};

static int take_int(const char **s)
{
    int n = 0;
    for (; isdigit((unsigned char)**s); (*s)++)
        n = n > WIDTH_MAX ? n : n * 10 + (**s - '0');
    return n;
}

/* The next verb and the text before it; false at the end, after its text. */
static bool next_verb(const char **format, struct verb *v)
{
    const char *s = *format;
    *v = (struct verb){.width = -1, .precision = -1, .text = s};
    v->n = strcspn(s, "%");
    s += v->n;
    if (!*s) {
        *format = s;
        return false;
    }
    for (s++; *s && strchr("-+0", *s); s++) {
        v->minus = v->minus || *s == '-';
        v->plus = v->plus || *s == '+';
        v->zero = v->zero || *s == '0';
    }
    if (isdigit((unsigned char)*s))
        v->width = take_int(&s);
    if (*s == '.') {
        s++;
        v->precision = take_int(&s);
    }
    v->letter = *s ? *s : '!';
    *format = *s ? s + 1 : s;
    return true;
}

static const struct {
    char letter;
    unsigned types;
    const char *flags; /* - + 0, . for a precision */
} verbs[] = {
    {'v', PRINTABLE, "-"},
    {'s',
     BIT(TYPE_TEXT) | BIT(TYPE_MAP) | BIT(TYPE_PAIRS) | BIT(TYPE_TEXTS) | BIT(TYPE_TIME) |
         BIT(TYPE_SPAN),
     "-."},
    {'q', BIT(TYPE_TEXT), "-"},
    {'d', BIT(TYPE_INT), "-+0"},
    {'x', BIT(TYPE_INT), "-+0"},
    {'X', BIT(TYPE_INT), "-+0"},
    {'f', BIT(TYPE_FLOAT), "-+0."},
    {'t', BIT(TYPE_BOOL), "-"},
};
#define VERBS "v s q d x X f t %"

static size_t find_verb(char letter)
{
    size_t i = 0;
    while (i < sizeof(verbs) / sizeof(verbs[0]) && verbs[i].letter != letter)
        i++;
    return i;
}

static int check_verb(struct parse *p, const struct expr *call, const struct verb *v, size_t n)
{
    size_t at = call->args[0]->at, i = find_verb(v->letter);
    if (i == sizeof(verbs) / sizeof(verbs[0]))
        return tmpl_parse_fail(p, at, "printf: %%%c: expected one of the letters %s", v->letter,
                               VERBS);
    const char *flags = verbs[i].flags;
    if ((v->plus && !strchr(flags, '+')) || (v->zero && !strchr(flags, '0')) ||
        (v->precision >= 0 && !strchr(flags, '.')))
        return tmpl_parse_fail(p, at, "printf: %%%c does not take this flag or precision",
                               v->letter);
    if (v->width > WIDTH_MAX || v->precision > WIDTH_MAX)
        return tmpl_parse_fail(p, at, "printf: a width or precision of more than %d", WIDTH_MAX);
    if (n >= call->n)
        return tmpl_parse_fail(p, at, "printf: there is no argument for %%%c", v->letter);
    enum type type = call->args[n]->type;
    if (!(BIT(type) & verbs[i].types))
        return tmpl_parse_fail(p, call->args[n]->at, "printf: %%%c cannot show %s", v->letter,
                               tmpl_type_name(type));
    bool list = type == TYPE_TEXTS || type == TYPE_ANY;
    if (list && (v->width >= 0 || v->precision >= 0))
        return tmpl_parse_fail(p, at, "printf: %s takes no width or precision",
                               tmpl_type_name(type));
    if (v->precision >= 0 && v->letter == 's' && type != TYPE_TEXT)
        return tmpl_parse_fail(p, at, "printf: %s takes no precision", tmpl_type_name(type));
    return 0;
}

int tmpl_check_printf(struct parse *p, struct expr *call)
{
    struct verb v;
    size_t n = 1;
    if (call->args[0]->kind != EXPR_VALUE)
        return tmpl_parse_fail(p, call->args[0]->at, "printf: expected a format in quotes");
    for (const char *s = call->args[0]->value.text; next_verb(&s, &v);) {
        bool bare = v.width < 0 && v.precision < 0 && !v.minus && !v.plus && !v.zero;
        if (v.letter == '%' && bare)
            continue;
        if (check_verb(p, call, &v, n) < 0)
            return -1;
        n++;
    }
    if (n < call->n)
        return tmpl_parse_fail(p, call->args[n]->at, "printf: there is no verb for this argument");
    return 0;
}

/* By runes, as Go counts widths and precisions. */
static size_t runes(const char *s, size_t max, size_t *ret_bytes)
{
    size_t n = strlen(s), i = 0, count = 0;
    while (i < n && count < max) {
        size_t len = json_utf8((const unsigned char *)s + i, n - i);
        i += len ? len : 1;
        count++;
    }
    *ret_bytes = i;
    return count;
}

static void pad(struct str *out, const char *s, const struct verb *v)
{
    size_t bytes,
        n = runes(s, v->letter == 's' && v->precision >= 0 ? (size_t)v->precision : SIZE_MAX,
                  &bytes);
    size_t fill = v->width > 0 && (size_t)v->width > n ? (size_t)v->width - n : 0;
    if (!v->minus)
        str_addf(out, "%*s", (int)fill, "");
    str_addn(out, s, bytes);
    if (v->minus)
        str_addf(out, "%*s", (int)fill, "");
}

static void print_number(struct str *out, const struct verb *v, const struct value *arg)
{
    char format[16];
    bool negative = v->letter != 'f' && v->letter != 'd' && arg->number < 0;
    snprintf(format, sizeof(format), "%%%s%s%s*%s", v->minus ? "-" : "", v->plus ? "+" : "",
             v->zero && !v->minus ? "0" : "", v->letter == 'f' ? ".*f" : "lld");
    int width = v->width > 0 ? v->width : 0;
    char text[800];
    uint64_t size = negative ? -(uint64_t)arg->number : (uint64_t)arg->number;
    const char *sign = negative ? "-" : (v->plus ? "+" : "");
    int room = v->zero && !v->minus && width > (int)strlen(sign) ? width - (int)strlen(sign) : 1;
    if (v->letter == 'f')
        snprintf(text, sizeof(text), format, width, v->precision >= 0 ? v->precision : 6,
                 arg->real);
    else if (v->letter == 'd')
        snprintf(text, sizeof(text), format, width, (long long)arg->number);
    else if (v->letter == 'x')
        snprintf(text, sizeof(text), "%s%0*llx", sign, room, (unsigned long long)size);
    else
        snprintf(text, sizeof(text), "%s%0*llX", sign, room, (unsigned long long)size);
    pad(out, text, v);
}

static void print_verb(struct str *out, const struct verb *v, const struct value *arg)
{
    if (strchr("dxXf", v->letter)) {
        print_number(out, v, arg);
        return;
    }
    struct str text;
    str_init(&text, TEXT_MAX);
    if (v->letter == 'q')
        message_quote(arg->text, strlen(arg->text), &text);
    else
        tmpl_value_print(&text, arg);
    pad(out, text.buf, v);
    out->overflow = out->overflow || text.overflow;
    str_release(&text);
}

EVAL(tmpl_eval_printf)
{
    (void)call;
    struct str out;
    struct verb v;
    size_t n = 1;
    bool more = true;
    str_init(&out, TEXT_MAX);
    for (const char *s = args[0].text; more;) {
        more = next_verb(&s, &v);
        str_addn(&out, v.text, v.n);
        if (more && v.letter == '%')
            str_addc(&out, '%');
        else if (more)
            print_verb(&out, &v, &args[n++]);
    }
    return tmpl_run_str(r, &out);
}
