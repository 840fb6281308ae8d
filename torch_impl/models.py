"""The models by their configs, and what each can learn from."""

from torch_impl import conv, data, gpt, mlp, rnn

MODELS = {mlp.MLPConfig: mlp.MLP, conv.CNNConfig: conv.CNN, rnn.RNNConfig: rnn.RNN, gpt.GPTConfig: gpt.GPT}


def suits(recipe, source):
    """Raise ValueError where a model cannot take what it is to learn from."""
    model, text = recipe.model, isinstance(source, data.Texts)
    if text != hasattr(model, "vocab_size"):
        raise ValueError(
            f"{recipe.data} is {'text' if text else 'no text'}, which the model of this recipe cannot take"
        )
    if text and source.vocab_size > model.vocab_size:
        raise ValueError(f"{recipe.data} has {source.vocab_size} tokens, more than vocab_size = {model.vocab_size}")
    if text:
        return
    one, n = source.x[0], int(source.targets.max()) + 1
    wanted = (one.size, n) if isinstance(model, mlp.MLPConfig) else (one.shape, n)
    given = (model.sizes[0], model.sizes[-1]) if isinstance(model, mlp.MLPConfig) else (model.image, model.n_classes)
    if given[0] != wanted[0] or given[1] < n:
        raise ValueError(f"{recipe.data} goes from {wanted[0]} to {n} classes, not from {given[0]} to {given[1]}")
