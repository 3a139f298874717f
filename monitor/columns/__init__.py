"""What the sample store and the evaluator exchange: label sets beside numpy matrices."""
