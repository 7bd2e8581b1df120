package bench

import (
	"context"
	"slices"
)

// family is a set of rows that are measured together.
type family struct {
	name string
	rows []string
	// embedded reports whether the rows can be measured on the one process of `make run`.
	embedded bool
	// round measures the selected rows once.
	round func(ctx context.Context, s *session) error
}

// families are in the order of measurement. Those that fill the disk come last.
func families() []family {
	growth, searching, writing := &growth{}, &searching{}, &writing{}
	return []family{
		{name: "draining a queue", rows: []string{rowNoop, rowPost, rowNaive, rowDrain, rowQueueBytes}, embedded: true, round: roundDrain},
		{name: "publishing alone", rows: []string{rowInsert, rowPublishSingle, rowPublishKeyed, rowPublishBatch}, round: roundPublish},
		{name: "writing with and without indexes and roll-ups", rows: []string{rowWriteCost}, round: writing.round},
		{name: "end to end", rows: []string{rowEndToEndSingle, rowEndToEndBatch}, embedded: true, round: roundEndToEnd},
		{name: "latency at a low rate", rows: []string{rowLatencyP50, rowLatencyP99}, embedded: true, round: roundLatency},
		{name: "publishing and delivering on one machine", rows: []string{rowSaturated}, embedded: true, round: roundSaturated},
		{name: "retrying", rows: []string{rowUpdate, rowRetry}, embedded: true, round: roundRetry},
		{name: "idling", rows: []string{rowIdle}, round: roundIdle},
		{name: "beside a neighbour that hangs", rows: []string{rowNeighbour}, embedded: true, round: roundNeighbour},
		{name: "beside organizations that flood", rows: []string{rowFlood, rowFloodSingle, rowFloodDrain, rowFanout, rowFloods}, embedded: true, round: roundFlood},
		{name: "retrying an outage", rows: []string{rowBulkDrain, rowBulkPace}, round: roundBulk},
		{name: "deleting an endpoint", rows: []string{rowDeleteEndpoint}, round: roundDelete},
		{name: "pausing an endpoint", rows: []string{rowPauseResume}, round: roundPause},
		{name: "erasing an organization", rows: []string{rowErase}, round: roundErase},
		{name: "a backlog beside Redis", rows: []string{rowFloodRedis}, round: roundWaiting},
		{name: "memory of the dispatcher", rows: []string{rowBytesDispatcher}, round: roundBytesDispatcher},
		{name: "memory of the API", rows: []string{rowBytesAPI}, round: roundBytesAPI},
		{name: "several dispatchers", rows: []string{rowNodes}, round: roundNodes},
		{name: "capacity", rows: []string{rowCapacityWAL, rowCapacityRedis, rowCapacityConnections}, round: roundCapacity},
		{name: "cost of an event", rows: []string{rowCost}, round: roundCost},
		{name: "partitions by month", rows: []string{rowPartitions}, round: roundPartitions},
		{name: "growing", rows: []string{rowGrowthRetry, rowGrowthList, rowDatabaseBytes}, round: growth.round},
		{name: "searching", rows: []string{rowGrowthSearch, rowGrowthScan, rowGrowthCursor, rowGrowthPlan, rowGrowthStats, rowConsole}, round: searching.round},
	}
}

// wanted returns the families that have a selected row.
func (s *session) wanted() []family {
	return slices.DeleteFunc(families(), func(f family) bool {
		return !slices.ContainsFunc(f.rows, s.wants) || s.options.Embedded && !f.embedded
	})
}
