/* Blocks with the types of the variables that they are assigned to, as optimised code has them. */
#include <stdlib.h>
#include <string.h>

struct point { int x, y; };
struct node { struct node *next; struct point *at; };
typedef struct { double d[3]; } vec;
struct text { size_t length; char bytes[]; };
union either { struct point *point; long *number; };
struct list { int length; struct node *first; };

static struct node *volatile head;
static char *names[3];
static void *volatile used;

static void *wrapped(size_t size) {
    return malloc(size); /* struct point */ /* lost here */
}

static void give(struct point **to) {
    *to = malloc(sizeof **to); /* struct point */ /* lost here */
}

static struct node *made(void) {
    return malloc(sizeof(struct node)); /* struct node */ /* lost here */
}

int main(void) {
    struct node *node = malloc(sizeof *node); /* struct node */ /* lost here */
    node->at = calloc(1, sizeof *node->at); /* struct point */ /* lost here */
    head = realloc(NULL, sizeof *head); /* struct node */ /* lost here */
    vec *all = malloc(10 * sizeof *all); /* vec[10] */ /* lost here */
    char *text = strdup("hello"); /* char[6] */ /* lost here */
    struct node **table = calloc(16, sizeof *table); /* struct node *[16] */ /* lost here */
    int (*matrix)[4] = malloc(3 * sizeof *matrix); /* int[3][4] */ /* lost here */
    for (int i = 0; i < 3; i++) {
        names[i] = malloc(10 + i); /* - */ /* lost here */
    }
    struct text *open = malloc(sizeof *open + 12); /* struct text */ /* lost here */
    void *any = malloc(7); /* - */ /* lost here */
    struct point *points[2];
    points[1] = malloc(sizeof *points[1]); /* struct point */ /* lost here */
    for (int i = 0; i < 2; i++) {
        points[i] = malloc(2 * sizeof **points); /* - */ /* lost here */
    }
    union either either;
    either.point = malloc(sizeof *either.point); /* - */ /* lost here */
    struct list list;
    list.first = malloc(sizeof *list.first); /* - */ /* lost here */
    const char *shown = (const char *)malloc(5); /* char[5] */ /* lost here */
    struct point *maybe = node->next != NULL ? NULL : malloc(8); /* - */ /* lost here */
    struct point *given, *by_wrapper = wrapped(sizeof *by_wrapper);
    give(&given);
    struct node *from = made();
    used = malloc(9); /* - */ /* lost here */
    char *shorter = malloc(3), *longer = NULL; /* char[3] */ /* lost here */
    longer = shorter;
    used = all, used = text, used = table, used = matrix, used = open, used = any, used = points[0], used = either.point;
    used = list.first, used = (void *)shown, used = maybe, used = given, used = by_wrapper, used = from, used = longer;
    memset(names, 0, sizeof names);
    head = NULL;
    used = NULL;
    return 0;
}
