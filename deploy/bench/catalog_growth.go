package bench

import "redrive/deploy/bench/report"

// The rows about a large table that is searched.
const (
	rowGrowthSearch = "growth-search"
	rowGrowthScan   = "growth-scan"
	rowGrowthCursor = "growth-cursor"
	rowGrowthPlan   = "growth-plan"
	rowGrowthStats  = "growth-stats"
)

const chartSearch = "Searching and planning with millions of rows, in milliseconds: less is better"

// labelSmall is the baseline of a row about growth: the same with few rows.
const labelSmall = "the time with 10 thousand"

// The goals of a large table, in milliseconds.
const (
	mostScan  = 1000
	mostPlan  = 2000
	mostStats = 20
)

// searchRows are the rows about a large table that is searched.
func searchRows() []report.Definition {
	small := report.Definition{Name: detailSmall, Unit: "ms", Chart: chartSearch, Baseline: true}
	return []report.Definition{
		{
			Name: rowGrowthSearch, Unit: "ms", Chart: chartGrowth,
			Ratios:  []report.Ratio{{To: report.Detail(rowGrowthSearch, detailAllowed), Label: "what is allowed", Goals: []report.Goal{report.AtMost(1)}}},
			Details: []report.Definition{{Name: detailSmall, Unit: "ms", Chart: chartGrowth, Baseline: true}, {Name: detailAllowed, Unit: "ms"}},
		},
		{
			Name: rowGrowthScan, Unit: "ms", Chart: chartSearch, Goals: []report.Goal{report.AtMost(mostScan)},
			Ratios: []report.Ratio{{To: report.Detail(rowGrowthScan, detailSmall), Label: labelSmall}}, Details: []report.Definition{small},
		},
		comparedRow(rowGrowthCursor, chartGrowth, nil, []report.Goal{report.AtMost(searchFactor)}, detailFirst, detailMiddle),
		comparedRow(rowGrowthPlan, chartSearch, []report.Goal{report.AtMost(mostPlan)}, nil, detailRare),
		comparedRow(rowGrowthStats, chartGrowth, []report.Goal{report.AtMost(mostStats)}, nil, detailDays, detailEndpointHours),
	}
}

// comparedRow is a row whose value, and each of whose details, is compared with the same in the small table.
func comparedRow(name, chart string, goals, ratioGoals []report.Goal, details ...string) report.Definition {
	compared := func(label, baseline string) report.Definition {
		return report.Definition{
			Name: label, Unit: "ms", Goals: goals, Ratios: []report.Ratio{{To: report.Detail(name, baseline), Label: labelSmall, Goals: ratioGoals}},
		}
	}
	row := compared(name, detailSmall)
	row.Chart = chart
	row.Details = []report.Definition{{Name: detailSmall, Unit: "ms", Chart: chart, Baseline: true}}
	for _, detail := range details {
		row.Details = append(row.Details, compared(detail, detail+" "+detailSmall))
	}
	return row
}
