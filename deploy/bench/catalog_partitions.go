package bench

import "redrive/deploy/bench/report"

const rowPartitions = "partitions"

// The details of partitions.
const (
	detailConversion       = "conversion"
	detailConversionBlocks = "longest event during the conversion"
	detailDropWhole        = "drop with its scan" //nolint:gosec // no credential
	detailDropBlocks       = "longest event during the drop"
	detailFind             = "find"
	detailLoad             = "load"
	detailRetryOne         = "retry"

	// undivided is the end of the names of lookups before the conversion.
	undivided = " undivided"
)

// The goals of partitions: the seconds that a drop locks, the milliseconds that an event may take meanwhile, and what a lookup may cost.
const (
	mostLocked  = 1
	mostBlocked = 1000
	mostOfWhole = 1.2
)

// partitionRows are the rows about partitions by month.
func partitionRows() []report.Definition {
	row := report.Definition{
		Name: rowPartitions, Unit: "s", Chart: chartOperations, Goals: []report.Goal{report.AtMost(mostLocked)},
		Details: []report.Definition{
			{Name: detailDropWhole, Unit: "s"},
			{Name: detailDropBlocks, Unit: "ms", Goals: []report.Goal{report.AtMost(mostBlocked)}},
			{Name: detailConversion, Unit: "s"},
			{Name: detailConversionBlocks, Unit: "ms", Goals: []report.Goal{report.AtMost(mostBlocked)}},
		},
	}
	for _, lookup := range []string{detailFind, detailLoad, detailRetryOne} {
		row.Details = append(row.Details,
			report.Definition{Name: lookup, Unit: "ms", Ratios: []report.Ratio{{
				To: report.Detail(rowPartitions, lookup+undivided), Label: "undivided", Goals: []report.Goal{report.AtMost(mostOfWhole)},
			}}},
			report.Definition{Name: lookup + undivided, Unit: "ms"})
	}
	return []report.Definition{row}
}
