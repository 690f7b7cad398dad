"""DCN-V2 and SVD++ ranking: the models, their fit and the signatures."""
