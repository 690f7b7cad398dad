from benchmarks.measured_run import NodeCost, RunCost
from benchmarks.tables import node_table, scale_table, training_table

SMALL = RunCost(
    nodes=[
        NodeCost("RatingsGen", "done", 3.14, 1_012_400_000, 55_600_000),
        NodeCost("Transform", "cached", 0.04, 987_654_321, 0),
    ],
    seconds=12.34,
    notes=[],
)
LARGE = RunCost([NodeCost("RatingsGen", "done", 1234.5, 2_000_000_000, 0)], 2345.6, [])


def test_a_row_for_each_node_and_the_highest_peak_for_the_whole_process() -> None:
    assert node_table(SMALL) == "\n".join(
        [
            "| node          | state  | seconds | peak MB | growth MB |",
            "| ------------- | ------ | ------: | ------: | --------: |",
            "| RatingsGen    | done   |     3.1 |   1,012 |        56 |",
            "| Transform     | cached |     0.0 |     988 |         0 |",
            "| whole process |        |    12.3 |   1,012 |           |",
        ]
    )


def test_a_row_for_each_size() -> None:
    assert scale_table({100_000: SMALL, 10_000_000: LARGE}, ["RatingsGen"]) == "\n".join(
        [
            "|    ratings | RatingsGen, s / MB | whole process, s / MB |",
            "| ---------: | -----------------: | --------------------: |",
            "|    100,000 |        3.1 / 1,012 |          12.3 / 1,012 |",
            "| 10,000,000 |    1,234.5 / 2,000 |       2,345.6 / 2,000 |",
        ]
    )


def test_a_row_for_each_fit() -> None:
    found = {"epoch_seconds": 2.5, "ratings_per_second": 32_000.4, "recall": 0.25, "ndcg": 0.4}
    assert training_table({"ours": found}) == "\n".join(
        [
            "| model | seconds an epoch | ratings a second | recall@10 | NDCG@10 |",
            "| ----- | ---------------: | ---------------: | --------: | ------: |",
            "| ours  |             2.50 |           32,000 |    0.2500 |  0.4000 |",
        ]
    )
