"""llama.cpp's C API as the xllamacpp wheel exports it: declarations and one check. No other file knows llama.h.

The wheel's extension module exports every symbol of llama.h on Linux and macOS, so one prebuilt dependency serves
without a compiler. The price: structs passed by value must match the pinned build exactly, and a wrong layout would
crash far from its cause. `load` therefore looks at the library's own defaults through our declarations first.
"""

from __future__ import annotations

import functools
import importlib.util
import os
from pathlib import Path
from typing import Any, Final

from cffi import FFI

from cortex.core.errors import LoadError
from cortex.engines.llama import waiting

PINNED: Final = "2026.10.11549"
LIBRARY: Final = "CORTEX_LLAMA_LIBRARY"  # the environment variable that names another libllama of the same build

# enum llama_token_attr
ATTR_UNKNOWN, ATTR_CONTROL, ATTR_USER_DEFINED = 1 << 0, 1 << 3, 1 << 4
# enum llama_vocab_type
VOCAB_SPM: Final = 1
# enum llama_pooling_type
POOLING_NONE, POOLING_CLS, POOLING_LAST, POOLING_RANK = 0, 2, 3, 4
# enum ggml_type, and how many bytes a number takes in it
CACHE_TYPES: Final = {"f16": (1, 2.0), "q8_0": (8, 34 / 32), "q4_0": (2, 18 / 32)}
# enum llama_flash_attn_type
FLASH_ATTENTION: Final = {None: -1, False: 0, True: 1}
# enum ggml_log_level
LOG_WARN, LOG_ERROR, LOG_CONTINUES = 3, 4, 5
# enum ggml_backend_dev_type: a GPU, one that shares our memory
DEVICES_GPU: Final = (1, 2)

ffi: Final[Any] = FFI()  # whatever comes out of it has C's types, which mypy cannot know
ffi.cdef("""
typedef int32_t llama_pos; typedef int32_t llama_token; typedef int32_t llama_seq_id;
typedef struct llama_model llama_model; typedef struct llama_vocab llama_vocab;
typedef struct llama_context llama_context; typedef struct llama_memory_i * llama_memory_t;
typedef struct ggml_backend_device * ggml_backend_dev_t;
typedef void (*ggml_log_callback)(int level, const char * text, void * user_data);
typedef bool (*llama_progress_callback)(float progress, void * user_data);
typedef bool (*ggml_abort_callback)(void * data);

struct llama_model_params {
    void * devices; const void * tensor_buft_overrides;
    int32_t n_gpu_layers; int split_mode; int load_mode; int lazy_mode; int32_t main_gpu;
    const float * tensor_split;
    llama_progress_callback progress_callback; void * progress_callback_user_data;
    const void * kv_overrides;
    bool vocab_only, check_tensors, use_extra_bufts, no_host, no_alloc, load_mtp;
};
struct llama_context_params {
    uint32_t n_ctx, n_batch, n_ubatch, n_seq_max, n_rs_seq, n_outputs_max, n_outputs_max_per_seq;
    int32_t n_threads, n_threads_batch;
    int ctx_type, rope_scaling_type, pooling_type, attention_type, flash_attn_type;
    float rope_freq_base, rope_freq_scale, yarn_ext_factor, yarn_attn_factor, yarn_beta_fast, yarn_beta_slow;
    uint32_t yarn_orig_ctx; float defrag_thold;
    void * cb_eval; void * cb_eval_user_data;
    int type_k, type_v; size_t moe_cache_size;
    ggml_abort_callback abort_callback; void * abort_callback_data;
    bool embeddings, offload_kqv, no_perf, op_offload, swa_full, kv_unified;
    void * samplers; size_t n_samplers; llama_context * ctx_other;
};
typedef struct llama_batch {
    int32_t n_tokens; llama_token * token; float * embd; llama_pos * pos;
    int32_t * n_seq_id; llama_seq_id ** seq_id; int8_t * logits;
} llama_batch;

void llama_log_set(ggml_log_callback log_callback, void * user_data);
void llama_backend_init(void);
size_t ggml_backend_reg_count(void);
void ggml_backend_load_all(void);
size_t ggml_backend_dev_count(void);
ggml_backend_dev_t ggml_backend_dev_get(size_t index);
int ggml_backend_dev_type(ggml_backend_dev_t device);

struct llama_model_params llama_model_default_params(void);
struct llama_context_params llama_context_default_params(void);
llama_model * llama_model_load_from_file(const char * path, struct llama_model_params params);
void llama_model_free(llama_model * model);
llama_context * llama_init_from_model(llama_model * model, struct llama_context_params params);
void llama_free(llama_context * ctx);
const llama_vocab * llama_model_get_vocab(const llama_model * model);
int32_t llama_model_n_ctx_train(const llama_model * model);
int32_t llama_model_n_embd(const llama_model * model);
int32_t llama_model_n_embd_out(const llama_model * model);
int32_t llama_model_n_layer(const llama_model * model);
int32_t llama_model_n_head(const llama_model * model);
int32_t llama_model_n_head_kv(const llama_model * model);
int32_t llama_model_meta_val_str(const llama_model * model, const char * key, char * buf, size_t buf_size);
int32_t llama_model_desc(const llama_model * model, char * buf, size_t buf_size);
uint64_t llama_model_size(const llama_model * model);
bool llama_model_has_encoder(const llama_model * model);
bool llama_model_has_decoder(const llama_model * model);
bool llama_model_is_recurrent(const llama_model * model);
bool llama_model_is_hybrid(const llama_model * model);

int llama_vocab_type(const llama_vocab * vocab);
int32_t llama_vocab_n_tokens(const llama_vocab * vocab);
llama_token llama_vocab_bos(const llama_vocab * vocab);
llama_token llama_vocab_eos(const llama_vocab * vocab);
llama_token llama_vocab_sep(const llama_vocab * vocab);
llama_token llama_vocab_fim_pre(const llama_vocab * vocab);
llama_token llama_vocab_fim_suf(const llama_vocab * vocab);
llama_token llama_vocab_fim_mid(const llama_vocab * vocab);
bool llama_vocab_get_add_bos(const llama_vocab * vocab);
bool llama_vocab_get_add_eos(const llama_vocab * vocab);
bool llama_vocab_get_add_sep(const llama_vocab * vocab);
bool llama_vocab_is_eog(const llama_vocab * vocab, llama_token token);
int llama_vocab_get_attr(const llama_vocab * vocab, llama_token token);
int32_t llama_tokenize(const llama_vocab * vocab, const char * text, int32_t text_len,
                       llama_token * tokens, int32_t n_tokens_max, bool add_special, bool parse_special);
int32_t llama_token_to_piece(const llama_vocab * vocab, llama_token token, char * buf, int32_t length,
                             int32_t lstrip, bool special);
int32_t llama_detokenize(const llama_vocab * vocab, const llama_token * tokens, int32_t n_tokens,
                         char * text, int32_t text_len_max, bool remove_special, bool unparse_special);

struct llama_batch llama_batch_init(int32_t n_tokens, int32_t embd, int32_t n_seq_max);
void llama_batch_free(struct llama_batch batch);
void llama_synchronize(llama_context * ctx);
void llama_set_n_threads(llama_context * ctx, int32_t n_threads, int32_t n_threads_batch);
int32_t llama_decode(llama_context * ctx, struct llama_batch batch);
float * llama_get_logits_ith(llama_context * ctx, int32_t i);
float * llama_get_embeddings_ith(llama_context * ctx, int32_t i);
uint32_t llama_n_ctx(const llama_context * ctx);
llama_memory_t llama_get_memory(const llama_context * ctx);
size_t llama_state_seq_get_size(llama_context * ctx, llama_seq_id seq_id);
size_t llama_state_seq_get_data(llama_context * ctx, uint8_t * dst, size_t size, llama_seq_id seq_id);
size_t llama_state_seq_set_data(llama_context * ctx, const uint8_t * src, size_t size, llama_seq_id dest_seq_id);
bool llama_memory_seq_rm(llama_memory_t mem, llama_seq_id seq_id, llama_pos p0, llama_pos p1);
void llama_memory_seq_cp(llama_memory_t mem, llama_seq_id src, llama_seq_id dst, llama_pos p0, llama_pos p1);
""")


@functools.cache
def load() -> Any:
    """The library, ready for use. LoadError where there is none, or where it is not the build we are declared for."""
    path = _path()
    waiting.waits()
    try:
        lib = ffi.dlopen(str(path))
        fits = _fits(lib)
    except (OSError, AttributeError) as error:  # AttributeError: a symbol that this library does not have
        raise LoadError(f"{path} cannot be used as llama.cpp's library: {error}") from error
    if not fits:
        raise LoadError(f"{path} is not the llama.cpp of xllamacpp {PINNED}: install exactly that version")
    lib.llama_backend_init()
    if not lib.ggml_backend_reg_count():  # a libllama with its backends in files of their own
        lib.ggml_backend_load_all()
    return lib


def _path() -> Path:
    if named := os.environ.get(LIBRARY):
        return Path(named)
    spec = importlib.util.find_spec("xllamacpp")
    places = spec.submodule_search_locations if spec else None
    found = [path for place in places or () for path in sorted(Path(place).glob("xllamacpp*.so"))]
    if not found:
        raise LoadError(f"llama.cpp is not installed: pip install xllamacpp=={PINNED}, or set {LIBRARY}")
    return found[0]


def _fits(lib: Any) -> bool:
    """Whether the library's defaults, read through our declarations, are the pinned build's.

    The fields looked at are spread over both structs, so that one field more or less anywhere shifts some of them.
    """
    context, model = lib.llama_context_default_params(), lib.llama_model_default_params()
    return bool(
        (context.n_ctx, context.n_batch, context.n_ubatch, context.n_seq_max) == (512, 2048, 512, 1)
        and (context.n_rs_seq, context.n_outputs_max, context.n_outputs_max_per_seq) == (0, 0, 1)
        and (context.rope_scaling_type, context.pooling_type, context.flash_attn_type) == (-1, -1, -1)
        and (context.yarn_ext_factor, context.defrag_thold) == (-1.0, -1.0)
        and (context.type_k, context.type_v) == (1, 1)
        and (context.embeddings, context.offload_kqv, context.no_perf) == (False, True, True)
        and (context.op_offload, context.swa_full, context.kv_unified) == (True, True, False)
        and context.samplers == context.ctx_other == ffi.NULL
        and context.n_samplers == 0
        and (model.n_gpu_layers, model.split_mode, model.load_mode) == (-1, 1, -1)
        and (model.lazy_mode, model.main_gpu) == (1, 0)
        and (model.vocab_only, model.check_tensors, model.use_extra_bufts) == (False, False, True)
        and (model.no_host, model.no_alloc, model.load_mtp) == (False, False, False)
    )
