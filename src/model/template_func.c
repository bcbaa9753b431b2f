/* The functions: their table, logic, comparisons. */
#include "model/template_internal.h"

#include "base/mem.h"
#include "model/message.h"

#include <string.h>

static struct value boolean(bool flag)
{
    return (struct value){.type = TYPE_BOOL, .flag = flag};
}

/* ---- comparisons ----------------------------------------------------------------- */

/* Of one type, which check_same() saw to. */
static int order(const struct value *a, const struct value *b)
{
    switch (a->type) {
    case TYPE_TEXT:
        return strcmp(a->text, b->text);
    case TYPE_BOOL:
        return a->flag - b->flag;
    case TYPE_FLOAT:
        return (a->real > b->real) - (a->real < b->real);
    default:
        return (a->number > b->number) - (a->number < b->number);
    }
}

static EVAL(eval_eq)
{
    (void)r;
    for (size_t i = 1; i < call->n; i++)
        if (order(&args[0], &args[i]) == 0)
            return boolean(true);
    return boolean(false);
}

#define COMPARE(name, op)                                                                          \
    static EVAL(eval_##name)                                                                       \
    {                                                                                              \
        (void)r;                                                                                   \
        (void)call;                                                                                \
        return boolean(order(&args[0], &args[1]) op 0);                                            \
    }

/* clang-format off */
COMPARE(ne, !=)
COMPARE(lt, <)
COMPARE(le, <=)
COMPARE(gt, >)
COMPARE(ge, >=)
/* clang-format on */

static int check_same(struct parse *p, struct expr *call)
{
    for (size_t i = 1; i < call->n; i++)
        if (call->args[i]->type != call->args[0]->type)
            return tmpl_parse_fail(p, call->args[i]->at, "%s: %s cannot be compared with %s",
                                   call->fn->name, tmpl_type_name(call->args[0]->type),
                                   tmpl_type_name(call->args[i]->type));
    return 0;
}

/* ---- logic ----------------------------------------------------------------------- */

/* The last one; that an earlier one decides, tmpl_run_eval() sees. */
static EVAL(eval_last)
{
    (void)r;
    return args[call->n - 1];
}

static EVAL(eval_not)
{
    (void)r;
    (void)call;
    return boolean(!tmpl_value_true(&args[0]));
}

static int check_logic(struct parse *p, struct expr *call)
{
    (void)p;
    call->type = call->args[0]->type;
    bool printable = true, same = true;
    for (size_t i = 0; i < call->n; i++) {
        printable = printable && (BIT(call->args[i]->type) & PRINTABLE);
        same = same && call->args[i]->type == call->type;
    }
    if (!same)
        call->type = printable ? TYPE_ANY : TYPE_CONDITION;
    return 0;
}

/* ---- lists ----------------------------------------------------------------------- */

static EVAL(eval_len)
{
    (void)call;
    return (struct value){.type = TYPE_INT, .number = (int64_t)tmpl_value_count(r, &args[0])};
}

static EVAL(eval_index)
{
    (void)call;
    if (args[0].type != TYPE_MAP)
        return tmpl_value_at(r, &args[0], args[1].number < 0 ? SIZE_MAX : (size_t)args[1].number);
    const char *text = message_label(&args[0].map, args[1].text);
    return (struct value){.type = TYPE_TEXT, .text = text ? text : ""};
}

static int check_index(struct parse *p, struct expr *call)
{
    const struct expr *list = call->args[0], *key = call->args[1];
    enum type want = list->type == TYPE_MAP ? TYPE_TEXT : TYPE_INT;
    if (key->type != want)
        return tmpl_parse_fail(p, key->at, "index: expected %s, found %s", tmpl_type_name(want),
                               tmpl_type_name(key->type));
    if (key->kind == EXPR_VALUE && want == TYPE_INT && key->value.number < 0)
        return tmpl_parse_fail(p, key->at, "index: expected 0 or more");
    if (list->type == TYPE_ALERTS)
        call->type = TYPE_ALERT;
    else
        call->type = list->type == TYPE_PAIRS ? TYPE_PAIR : TYPE_TEXT;
    return 0;
}

static EVAL(eval_slice)
{
    struct value v = {.type = TYPE_TEXTS};
    v.texts.at = tmpl_run_alloc(r, (call->n + 1) * sizeof(*v.texts.at));
    for (size_t i = 0; v.texts.at && i < call->n; i++)
        v.texts.at[v.texts.n++] = args[i].text;
    return v;
}

static EVAL(eval_same)
{
    (void)r;
    (void)call;
    return args[0];
}

/* ---- the table ------------------------------------------------------------------- */

#define TEXT BIT(TYPE_TEXT)
#define TIME BIT(TYPE_TIME)
#define EQUAL (TEXT | BIT(TYPE_BOOL) | BIT(TYPE_INT) | BIT(TYPE_FLOAT) | BIT(TYPE_SPAN))
#define ORDER (EQUAL & ~BIT(TYPE_BOOL))
#define NUMBER (TEXT | BIT(TYPE_INT) | BIT(TYPE_FLOAT) | BIT(TYPE_SPAN))
#define JSON (ANYTHING & ~(BIT(TYPE_CONDITION) | BIT(TYPE_ANY) | BIT(TYPE_FLOAT)))
#define ALL3(types)                                                                                \
    {                                                                                              \
        types, types, types                                                                        \
    }

/* clang-format off */
static const struct function functions[] = {
    {"toUpper", tmpl_eval_upper, TYPE_TEXT, {TEXT}, 1, 1, NULL},
    {"toLower", tmpl_eval_lower, TYPE_TEXT, {TEXT}, 1, 1, NULL},
    {"title", tmpl_eval_title, TYPE_TEXT, {TEXT}, 1, 1, NULL},
    {"trimSpace", tmpl_eval_trim, TYPE_TEXT, {TEXT}, 1, 1, NULL},
    {"join", tmpl_eval_join, TYPE_TEXT, {TEXT, BIT(TYPE_TEXTS)}, 2, 2, NULL},
    {"stringSlice", eval_slice, TYPE_TEXTS, ALL3(TEXT), 0, ARGS_MAX, NULL},
    {"safeHtml", eval_same, TYPE_TEXT, {TEXT}, 1, 1, NULL},
    {"match", tmpl_eval_match, TYPE_BOOL, {TEXT, TEXT}, 2, 2, tmpl_check_regex},
    {"reReplaceAll", tmpl_eval_replace, TYPE_TEXT, ALL3(TEXT), 3, 3, tmpl_check_replace},
    {"html", tmpl_eval_html, TYPE_TEXT, ALL3(PRINTABLE), 1, ARGS_MAX, NULL},
    {"urlquery", tmpl_eval_urlquery, TYPE_TEXT, ALL3(PRINTABLE), 1, ARGS_MAX, NULL},
    {"toJson", tmpl_eval_json, TYPE_TEXT, {JSON}, 1, 1, NULL},
    {"print", tmpl_eval_print, TYPE_TEXT, ALL3(PRINTABLE), 0, ARGS_MAX, NULL},
    {"println", tmpl_eval_println, TYPE_TEXT, ALL3(PRINTABLE), 0, ARGS_MAX, NULL},
    {"printf", tmpl_eval_printf, TYPE_TEXT, {TEXT, PRINTABLE, PRINTABLE}, 1, ARGS_MAX,
     tmpl_check_printf},
    {"len", eval_len, TYPE_INT, {LISTS | TEXT}, 1, 1, NULL},
    {"index", eval_index, TYPE_TEXT, {LISTS, TEXT | BIT(TYPE_INT)}, 2, 2, check_index},
    {"and", eval_last, TYPE_CONDITION, ALL3(ANYTHING), 1, ARGS_MAX, check_logic},
    {"or", eval_last, TYPE_CONDITION, ALL3(ANYTHING), 1, ARGS_MAX, check_logic},
    {"not", eval_not, TYPE_BOOL, {ANYTHING}, 1, 1, NULL},
    {"eq", eval_eq, TYPE_BOOL, ALL3(EQUAL), 2, ARGS_MAX, check_same},
    {"ne", eval_ne, TYPE_BOOL, {EQUAL, EQUAL}, 2, 2, check_same},
    {"lt", eval_lt, TYPE_BOOL, {ORDER, ORDER}, 2, 2, check_same},
    {"le", eval_le, TYPE_BOOL, {ORDER, ORDER}, 2, 2, check_same},
    {"gt", eval_gt, TYPE_BOOL, {ORDER, ORDER}, 2, 2, check_same},
    {"ge", eval_ge, TYPE_BOOL, {ORDER, ORDER}, 2, 2, check_same},
    {"humanize", tmpl_eval_humanize, TYPE_TEXT, {NUMBER}, 1, 1, NULL},
    {"humanize1024", tmpl_eval_humanize1024, TYPE_TEXT, {NUMBER}, 1, 1, NULL},
    {"humanizeDuration", tmpl_eval_human_duration, TYPE_TEXT, {NUMBER}, 1, 1, NULL},
    {"humanizePercentage", tmpl_eval_human_percentage, TYPE_TEXT, {NUMBER}, 1, 1, NULL},
    {"humanizeTimestamp", tmpl_eval_human_timestamp, TYPE_TEXT, {NUMBER}, 1, 1, NULL},
    {"date", tmpl_eval_date, TYPE_TEXT, {TEXT, TIME}, 2, 2, NULL},
    {"since", tmpl_eval_since, TYPE_SPAN, {TIME}, 1, 1, NULL},
};
/* clang-format on */

/* What Go, Alertmanager or Prometheus have and templates of messages have not. */
static const struct {
    const char *names; /* with a space around each */
    const char *why;
} refused[] = {
    {" define template block tmpl ", "templates do not call others: write its text here"},
    {" break continue ", "a range goes over all; choose with if"},
    {" tz ", "times are shown in UTC"},
    {" js call slice list dict append nil ", "this function of Go's is not supported"},
    {" query first value label strvalue args graphLink tableLink sortByLabel pathPrefix "
     "externalURL parseDuration stripPort stripDomain ",
     "it belongs to the rules of Prometheus"},
};

const struct function *tmpl_function_find(const char *name, size_t n)
{
    for (size_t i = 0; i < countof(functions); i++)
        if (strlen(functions[i].name) == n && memcmp(functions[i].name, name, n) == 0)
            return &functions[i];
    return NULL;
}

int tmpl_function_unknown(struct parse *p, size_t at, const char *name, size_t n)
{
    const char *known[countof(functions)];
    char word[64];
    snprintf(word, sizeof(word), " %.*s ", (int)(n < 60 ? n : 60), name);
    for (size_t i = 0; i < countof(refused); i++)
        if (strstr(refused[i].names, word))
            return tmpl_parse_fail(p, at, "'%.*s': %s", (int)n, name, refused[i].why);
    for (size_t i = 0; i < countof(functions); i++)
        known[i] = functions[i].name;
    snprintf(word, sizeof(word), "%.*s", (int)(n < 60 ? n : 60), name);
    const char *near = str_nearest(word, known, countof(known));
    if (near)
        return tmpl_parse_fail(p, at, "there is no function '%s'; is it '%s'?", word, near);
    return tmpl_parse_fail(p, at, "expected a path such as .Status or a function, found '%s'",
                           word);
}
