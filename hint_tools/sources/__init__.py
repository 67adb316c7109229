"""One reader a dataset, as its owners ship it -> candidates for sampling."""
