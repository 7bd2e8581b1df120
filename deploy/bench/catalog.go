package bench

import (
	"slices"

	"redrive/deploy/bench/report"
)

// The rows.
const (
	rowNoop            = "asynq-noop"
	rowPost            = "asynq-post"
	rowNaive           = "naive"
	rowDrain           = "drain"
	rowInsert          = "insert-baseline"
	rowPublishSingle   = "publish-single"
	rowPublishKeyed    = "publish-keyed"
	rowPublishBatch    = "publish-batch"
	rowEndToEndSingle  = "end-to-end-single"
	rowEndToEndBatch   = "end-to-end-batch"
	rowLatencyP50      = "latency-p50"
	rowLatencyP99      = "latency-p99"
	rowUpdate          = "update-baseline"
	rowRetry           = "retry"
	rowNeighbour       = "neighbour-p99"
	rowFlood           = "flood-p99"
	rowFloodSingle     = "flood-single-p99"
	rowFloodDrain      = "flood-drain"
	rowFanout          = "fanout-p99"
	rowFloods          = "floods-p99"
	rowSaturated       = "saturated"
	rowFloodRedis      = "flood-redis"
	rowIdle            = "idle-commands"
	rowQueueBytes      = "queue-bytes"
	rowBytesDispatcher = "bytes-dispatcher"
	rowBytesAPI        = "bytes-api"
	rowGrowthRetry     = "growth-retry"
	rowGrowthList      = "growth-list"
	rowDatabaseBytes   = "database-bytes"
)

// The details that several rows have.
const (
	detailP50 = "p50"
	detailP99 = "p99"
)

// The charts of the plot.
const (
	chartDelivering = "Delivering, per second: more is better"
	chartWriting    = "Publishing and retrying, per second: more is better"
	chartLatency    = "Accepted to received at 100/s, in milliseconds: less is better"
	chartNeighbour  = "Beside an endpoint that hangs, in milliseconds: less is better"
	chartGrowth     = "With millions of rows, in milliseconds: less is better"
	chartDisk       = "What it takes on PostgreSQL's disk: less is better"
	chartMemory     = "Memory with large bodies, in MiB: less is better"
	chartRedis      = "What it asks of Redis: less is better"
)

// catalog returns all rows, with the goals for an otherwise idle machine with two cores.
func catalog() []report.Definition {
	return slices.Concat(deliveringRows(), operationRows(), partitionRows(), searchRows(), capacityRows(), []report.Definition{costRow()}, []report.Definition{nodesRow()})
}

// deliveringRows are the rows about publishing, delivering and retrying, and about the resources that this uses.
func deliveringRows() []report.Definition {
	return []report.Definition{
		{
			Name: rowNoop, Unit: "tasks/s", Chart: chartDelivering, Baseline: true,
			Details: []report.Definition{{Name: detailOneServer, Unit: "tasks/s"}},
		},
		{
			Name: rowPost, Unit: "tasks/s", Chart: chartDelivering, Baseline: true,
			Ratios: []report.Ratio{{To: rowNoop}}, Details: []report.Definition{{Name: detailOneServer, Unit: "tasks/s"}, cpu("worker", "task")},
		},
		{
			Name: rowNaive, Unit: "tasks/s", Chart: chartDelivering, Baseline: true,
			Ratios: []report.Ratio{{To: rowPost}}, Details: []report.Definition{cpu("worker", "task")},
		},
		{
			Name: rowDrain, Unit: "deliveries/s", Chart: chartDelivering,
			Ratios: []report.Ratio{
				{To: rowPost, Goals: []report.Goal{report.AtLeast(0.85)}},
				{To: rowNaive, Goals: []report.Goal{report.AtLeast(2.2)}},
			},
			Details: processes(),
		},
		{
			Name: rowEndToEndSingle, Unit: "deliveries/s", Chart: chartDelivering, Goals: []report.Goal{report.AtLeast(2500)},
			Details: append([]report.Definition{ownCPU()}, processes()...),
		},
		{
			Name: rowEndToEndBatch, Unit: "deliveries/s", Chart: chartDelivering, Goals: []report.Goal{report.AtLeast(3500)},
			Details: append([]report.Definition{ownCPU()}, processes()...),
		},
		{
			Name: rowInsert, Unit: "events/s", Chart: chartWriting, Baseline: true,
			Details: append(percentiles(), report.Definition{Name: detailMultiRow, Unit: "events/s"}),
		},
		{
			Name: rowPublishSingle, Unit: "events/s", Chart: chartWriting, Goals: []report.Goal{report.AtLeast(3200)},
			Ratios: []report.Ratio{{To: rowInsert}}, Details: percentiles(report.AtMost(9), report.AtMost(20)),
		},
		{
			// The same as publish-single. Each event has an idempotency key of its own.
			Name: rowPublishKeyed, Unit: "events/s", Chart: chartWriting,
			Ratios: []report.Ratio{{To: rowPublishSingle, Goals: []report.Goal{report.AtLeast(0.85)}}}, Details: percentiles(),
		},
		{
			Name: rowPublishBatch, Unit: "events/s", Chart: chartWriting, Goals: []report.Goal{report.AtLeast(6000)},
			Ratios:  []report.Ratio{{To: rowInsert}, {To: report.Detail(rowInsert, detailMultiRow), Label: "the same with many rows"}},
			Details: percentiles(),
		},
		writeCostRow(),
		{Name: rowUpdate, Unit: "updates/s", Chart: chartWriting, Baseline: true, Details: percentiles()},
		{
			Name: rowRetry, Unit: "retries/s", Chart: chartWriting, Goals: []report.Goal{report.AtLeast(2000)},
			Ratios: []report.Ratio{{To: rowUpdate, Goals: []report.Goal{report.AtLeast(0.6)}}},
			Details: slices.Concat(percentiles(report.AtMost(7), report.AtMost(25)), []report.Definition{
				{Name: detailNotDelivered, Unit: "retries/s", Ratios: []report.Ratio{{To: rowUpdate}}},
			}, processes()),
		},
		{
			Name: rowLatencyP50, Unit: "ms", Chart: chartLatency, Goals: []report.Goal{report.AtMost(3)},
			Details: []report.Definition{{Name: detailFromDue, Unit: "ms"}, {Name: detailPurging, Unit: "ms"}},
		},
		{
			Name: rowLatencyP99, Unit: "ms", Chart: chartLatency, Goals: []report.Goal{report.AtMost(10)},
			Details: []report.Definition{{Name: detailFromDue, Unit: "ms"}, {Name: detailPurging, Unit: "ms"}, {Name: detailPurged, Unit: "deliveries/s"}},
		},
		{
			Name: rowSaturated, Unit: "ms", Chart: chartNeighbour, Goals: []report.Goal{report.AtMost(60)},
			Details: []report.Definition{
				{Name: detailP99, Unit: "ms", Goals: []report.Goal{report.AtMost(150)}}, {Name: detailRecorded, Unit: "deliveries/s"},
			},
		},
		{
			Name: rowNeighbour, Unit: "ms", Chart: chartNeighbour,
			Ratios: []report.Ratio{{To: report.Detail(rowNeighbour, detailAllowed), Label: "(2 × alone + 20 ms)", Goals: []report.Goal{report.AtMost(1)}}},
			Details: []report.Definition{
				{Name: detailAlone, Unit: "ms", Chart: chartNeighbour, Baseline: true},
				{Name: detailP50, Unit: "ms"},
				{Name: detailLost, Unit: "attempts", Goals: []report.Goal{report.AtMost(0)}, Gated: true},
			},
		},
		floodRow(rowFlood), floodRow(rowFloodSingle), floodRow(rowFanout), floodRow(rowFloods),
		{
			Name: rowFloodDrain, Unit: "deliveries/s", Chart: chartDelivering,
			Ratios: []report.Ratio{{To: rowPost, Goals: []report.Goal{report.AtLeast(0.85)}}},
		},
		{
			Name: rowGrowthRetry, Unit: "ms", Chart: chartGrowth,
			Ratios:  []report.Ratio{{To: report.Detail(rowGrowthRetry, detailSmall), Label: labelSmall, Goals: []report.Goal{report.AtMost(1.5)}}},
			Details: []report.Definition{{Name: detailSmall, Unit: "ms", Chart: chartGrowth, Baseline: true}},
		},
		{
			Name: rowGrowthList, Unit: "ms", Chart: chartGrowth,
			Ratios:  []report.Ratio{{To: report.Detail(rowGrowthList, detailSmall), Label: labelSmall, Goals: []report.Goal{report.AtMost(1.5)}}},
			Details: growthDetails(),
		},
		{
			Name: rowDatabaseBytes, Unit: "bytes", Chart: chartDisk,
			Details: []report.Definition{{Name: "deliveries", Unit: "bytes"}, {Name: "attempts", Unit: "bytes"}, {Name: "events", Unit: "bytes"}},
		},
		{Name: rowBytesDispatcher, Unit: "MiB", Chart: chartMemory, Goals: []report.Goal{report.AtMost(mostMemory)}},
		{Name: rowBytesAPI, Unit: "MiB", Chart: chartMemory, Goals: []report.Goal{report.AtMost(mostMemory)}, Details: bytesDetails()},
		{
			Name: rowIdle, Unit: "commands/s", Chart: chartRedis, Goals: []report.Goal{report.AtMost(30)},
			Details: []report.Definition{{Name: detailThree, Unit: "commands/s", Goals: []report.Goal{report.AtMost(60)}}},
		},
		{
			Name: rowFloodRedis, Unit: "MiB", Chart: chartRedis, Goals: []report.Goal{report.AtMost(8)},
			Details: []report.Definition{{Name: detailFirstSend, Unit: "s", Goals: []report.Goal{report.AtMost(5)}}},
		},
		{Name: rowQueueBytes, Unit: "bytes", Chart: chartRedis, Goals: []report.Goal{report.AtMost(650)}},
	}
}

// floodRow is the latency of one organization while others publish floods.
func floodRow(name string) report.Definition {
	return report.Definition{
		Name: name, Unit: "ms", Chart: chartNeighbour,
		Ratios: []report.Ratio{{To: report.Detail(name, detailAllowed), Label: "what is allowed", Goals: []report.Goal{report.AtMost(1)}}},
		Details: []report.Definition{
			{Name: detailAlone, Unit: "ms", Chart: chartNeighbour, Baseline: true},
			{Name: detailAllowed, Unit: "ms"},
			{Name: detailP50, Unit: "ms"},
			{Name: detailLost, Unit: "attempts", Goals: []report.Goal{report.AtMost(0)}, Gated: true},
		},
	}
}

// growthDetails are the reads that have no row of their own.
func growthDetails() []report.Definition {
	details := []report.Definition{{Name: detailSmall, Unit: "ms", Chart: chartGrowth, Baseline: true}}
	for _, name := range []string{detailListEndpoint, detailGet, detailPublish} {
		details = append(details, report.Definition{
			Name: name, Unit: "ms",
			Ratios: []report.Ratio{{
				To: report.Detail(rowGrowthList, name+" "+detailSmall), Label: labelSmall, Goals: []report.Goal{report.AtMost(1.5)},
			}},
		})
	}
	return details
}

func percentiles(goals ...report.Goal) []report.Definition {
	list := []report.Definition{{Name: detailP50, Unit: "ms"}, {Name: detailP99, Unit: "ms"}}
	for i, goal := range goals {
		list[i].Goals = []report.Goal{goal}
	}
	return list
}

// megabyte is 10⁶ bytes, as in the goal of the row.
const megabyte = 1e6

// processes are the resources that each process used: ours first, with the limit on their memory.
func processes() []report.Definition {
	var list []report.Definition
	for _, name := range []string{processAPI, processDispatcher, processEmbedded, processPostgres, processRedis, processBench} {
		memory := report.Definition{Name: name + " memory", Unit: "MB"}
		if name == processAPI || name == processDispatcher {
			memory.Goals = []report.Goal{report.AtMost(150)}
		}
		list = append(list, cpu(name, "delivery"), memory)
	}
	return list
}

func cpu(process, of string) report.Definition {
	return report.Definition{Name: process + " CPU", Unit: "µs/" + of}
}

func ownCPU() report.Definition {
	own := cpu(processOwn, "delivery")
	own.Goals = []report.Goal{report.AtMost(500)}
	return own
}
