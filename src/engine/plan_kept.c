/* plan_kept.c - the arrays that outlive their program: what somebody may ask for after a forward,
 * and what ways down read. Each chunk has one block with all of them. */
#include "engine/plan.h"

#include "base/memory.h"

enum { KINDS = DCN__SLOT_KINDS };  /* a PART is never kept */

const dcn__kept *dcn__kept_find(const dcn_plan *p, dcn__slot_kind kind, dcn_node node)
{
    const int at = kind == DCN__SLOT_PART ? 0 : p->kept_index[node * KINDS + (int)kind];

    return at ? &p->kept[at - 1] : NULL;
}

dcn_status dcn__kept_add(dcn_plan *p, const dcn__slot *slot, dcn_error *err)
{
    if (dcn__kept_find(p, slot->kind, slot->node))
        return DCN_OK;
    if (p->n_kept == p->kept_capacity) {
        const int capacity = p->kept_capacity ? 2 * p->kept_capacity : 16;
        dcn__kept *grown = dcn__realloc(p->kept, (size_t)capacity * sizeof *grown);

        if (!grown)
            return dcn__fail_memory(err, "a plan", (size_t)capacity * sizeof *grown);
        p->kept = grown;
        p->kept_capacity = capacity;
    }
    p->kept[p->n_kept] = (dcn__kept){
        .kind = slot->kind, .node = slot->node, .offset = p->chunk_bytes,
        .bytes = dcn__slot_bytes(p->graph, slot, p->engine->real_bytes, p->chunk) };
    p->chunk_bytes += p->kept[p->n_kept++].bytes;
    p->kept_index[slot->node * KINDS + (int)slot->kind] = p->n_kept;
    return DCN_OK;
}

/* chunk -1 asks only whether it is kept. */
void *dcn__plan_kept(const dcn_plan *p, dcn__slot_kind kind, dcn_node node, int chunk)
{
    const dcn__kept *k = dcn__kept_find(p, kind, node);

    if (!k)
        return NULL;
    return chunk < 0 ? (void *)(uintptr_t)k
                     : p->kept_memory + (size_t)chunk * p->chunk_bytes + k->offset;
}

size_t dcn__plan_element(const dcn_plan *p, dcn__slot_kind kind, dcn_node node)
{
    return kind == DCN__SLOT_SWITCH ? (size_t)dcn__switch_bytes(&p->graph->nodes[node].window)
                                    : p->engine->real_bytes;
}

const void *dcn__plan_kept_picture(const dcn_plan *p, dcn__slot_kind kind, dcn_node node,
                                   int picture)
{
    const uint8_t *chunk = dcn__plan_kept(p, kind, node, picture / p->chunk);
    const size_t bytes =
        (size_t)dcn__shape_size(p->graph->nodes[node].shape) * dcn__plan_element(p, kind, node);

    return chunk ? chunk + (size_t)(picture % p->chunk) * bytes : NULL;
}
