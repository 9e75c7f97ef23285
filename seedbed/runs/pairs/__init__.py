"""`seedbed pairs`: a better and a worse answer to one prompt, from the answers of a finished run and new samples."""
