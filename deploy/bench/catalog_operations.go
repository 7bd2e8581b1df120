package bench

import (
	"slices"

	"redrive/deploy/bench/report"
)

// The rows about operations on many deliveries.
const (
	rowBulkDrain      = "bulk-drain"
	rowBulkPace       = "bulk-pace"
	rowDeleteEndpoint = "delete-endpoint"
	rowPauseResume    = "pause-resume"
	rowErase          = "erase-organization"
)

const chartOperations = "Operations on many deliveries, in seconds: less is better"

// paceTolerance is the permitted difference between a job's pace and its measured rate.
const paceTolerance = 0.1

// operationRows are the rows about operations on many deliveries.
func operationRows() []report.Definition {
	return []report.Definition{
		{
			Name: rowBulkDrain, Unit: "deliveries/s", Chart: chartDelivering,
			Ratios: []report.Ratio{{To: rowDrain, Goals: []report.Goal{report.AtLeast(0.8)}}},
			Details: slices.Concat([]report.Definition{
				{Name: detailFirstRequest, Unit: "s"},
				{Name: detailMemoryGrowth, Unit: "MiB", Goals: []report.Goal{report.AtMost(20)}},
			}, liveDetails(rowBulkDrain), processes()),
		},
		{
			Name: rowBulkPace, Unit: "deliveries/s", Chart: chartWriting,
			Goals: []report.Goal{report.AtLeast((1 - paceTolerance) * pace), report.AtMost((1 + paceTolerance) * pace)},
		},
		{
			Name: rowDeleteEndpoint, Unit: "s", Chart: chartOperations, Goals: []report.Goal{report.AtMost(60)},
			Details: append([]report.Definition{{Name: detailAnswer, Unit: "s", Goals: []report.Goal{report.AtMost(1)}}}, liveDetails(rowDeleteEndpoint)...),
		},
		{
			Name: rowPauseResume, Unit: "s", Chart: chartOperations,
			Details: []report.Definition{
				{Name: detailResumed, Unit: "deliveries/s", Ratios: []report.Ratio{{To: rowDrain}}},
				{Name: detailWhilePaused, Unit: "attempts", Goals: []report.Goal{report.AtMost(0)}, Gated: true},
				{Name: detailMissing, Unit: "deliveries", Goals: []report.Goal{report.AtMost(0)}, Gated: true},
			},
		},
		{
			Name: rowErase, Unit: "s", Chart: chartOperations,
			Details: append([]report.Definition{{Name: detailDeliveriesGone, Unit: "s"}}, liveDetails(rowErase)...),
		},
	}
}

// liveDetails are the latencies of live deliveries of other endpoints during an operation.
func liveDetails(row string) []report.Definition {
	return []report.Definition{
		{
			Name: detailLive, Unit: "ms",
			Ratios: []report.Ratio{{To: report.Detail(row, detailAllowed), Label: "what is allowed", Goals: []report.Goal{report.AtMost(1)}}},
		},
		{Name: detailAlone, Unit: "ms"},
		{Name: detailAllowed, Unit: "ms"},
		{Name: detailLost, Unit: "attempts", Goals: []report.Goal{report.AtMost(0)}, Gated: true},
	}
}
