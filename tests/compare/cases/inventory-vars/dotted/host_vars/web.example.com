a: plain name
