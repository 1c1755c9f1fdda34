"""The ST-GCN: predicts the joints of both people, with a sigma each, from their initial motion and the observations."""
