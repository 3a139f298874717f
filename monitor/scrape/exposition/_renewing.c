/* The C twin of renewing.py: reads a body by the last one of the same target.

   The two must agree, line by line; a test holds them together on random and on broken bodies. What is not surely the same
   series with another ordinary number is odd, and is left to the grammar. Nothing is allocated, and no byte outside the
   given arrays is read or written. It is a plain shared object, called through ctypes with the interpreter's lock held: it
   needs no Python headers, and of Python only the two functions below, which its stable interface has. */

#include <float.h>
#include <stdint.h>
#include <string.h>

#if FLT_EVAL_METHOD != 0
#error "numbers would be rounded twice"
#endif

extern double PyOS_string_to_double(const char *text, char **stop, void *overflow);
extern void PyErr_Clear(void);

#define NO_NUMBER (1 << 30)
#define EXACT (UINT64_C(1) << 53)

static const double TENS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                              1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* A decimal number from `text` up to `end`. Both its digits, as an integer, and its power of ten are exact in a double, so
   the one operation on them rounds as reading the text does. 0 if it is not of this kind. */
static int decimal(const char *text, const char *end, double *value) {
    uint64_t total = 0;
    int digits = 0, after = 0, point = 0, power = 0, minus = 0;
    if (text < end && *text == '-') {
        minus = 1;
        text++;
    }
    for (; text < end; text++) {
        unsigned digit = (unsigned char)*text - '0';
        if (digit <= 9) {
            if (++digits > 18) return 0;
            total = total * 10 + digit;
            after += point;
        } else if (*text == '.' && !point) {
            point = 1;
        } else {
            break;
        }
    }
    if (!digits || total > EXACT) return 0;
    if (text < end) {
        int less;
        if (*text != 'e' || end - text < 3 || end - text > 4) return 0;
        text++;
        if (*text != '+' && *text != '-') return 0;
        less = *text == '-';
        for (text++; text < end; text++) {
            unsigned digit = (unsigned char)*text - '0';
            if (digit > 9) return 0;
            power = power * 10 + (int)digit;
        }
        if (less) power = -power;
    }
    power -= after;
    if (power < -22 || power > 22) return 0;
    *value = power < 0 ? (double)total / TENS[-power] : (double)total * TENS[power];
    if (minus) *value = -*value;
    return 1;
}

/* What numbers.py calls a plain number: of the usual characters only, and finite; or one of three names. */
static int plain(const char *text, const char *end, double *value) {
    char *stop = NULL;
    double read;
    size_t size = (size_t)(end - text);
    if (decimal(text, end, value)) return 1;
    if (size == 3 && !memcmp(text, "NaN", 3)) {
        const uint64_t bits = UINT64_C(0x7FF8000000000000);
        memcpy(value, &bits, 8);
        return 1;
    }
    if (size == 4 && (!memcmp(text, "+Inf", 4) || !memcmp(text, "-Inf", 4))) {
        const uint64_t bits = UINT64_C(0x7FF0000000000000) | (uint64_t)(*text == '-') << 63;
        memcpy(value, &bits, 8);
        return 1;
    }
    for (const char *each = text; each < end; each++) {
        if ((unsigned)((unsigned char)*each - '0') > 9 && *each != '.' && *each != 'e' && *each != 'E' && *each != '+' &&
            *each != '-')
            return 0;
    }
    if (!size) return 0;
    read = PyOS_string_to_double(text, &stop, NULL); /* stops at the line end at the latest */
    if (stop != end) {
        PyErr_Clear();
        return 0;
    }
    if (read > DBL_MAX || read < -DBL_MAX) return 0;
    *value = read;
    return 1;
}

/* See `renew` in renewing.py. Returns how many lines are odd, which are then in `odd`; -1 if there are not enough lines. */
int64_t watchkeeper_renew(const char *old, const int64_t *starts, const int32_t *numbers, int64_t first, int64_t last,
                          const char *body, int64_t size, int64_t at, double *values, int64_t *begins, int64_t *odd) {
    int64_t count = 0;
    begins[first] = at;
    for (int64_t row = first; row < last; row++) {
        const char *line = body + at, *before = old + starts[row], *stop;
        int64_t rest = size - at, length = starts[row + 1] - starts[row], key = numbers[row];
        if (key == NO_NUMBER) key = length;
        if (rest >= key && !memcmp(line, before, (size_t)key)) {
            if (rest >= length && !memcmp(line + key, before + key, (size_t)(length - key))) {
                begins[row + 1] = at += length;
                continue;
            }
            stop = memchr(line + key, '\n', (size_t)(rest - key));
            if (!stop) return -1;
            if (!plain(line + key, stop, values + row)) odd[count++] = row;
        } else {
            stop = rest > 0 ? memchr(line, '\n', (size_t)rest) : NULL;
            if (!stop) return -1;
            odd[count++] = row;
        }
        begins[row + 1] = at = stop + 1 - body;
    }
    return count;
}
