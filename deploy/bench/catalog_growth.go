package bench

import "redrive/deploy/bench/report"

// The rows about searches in a large table.
const (
	rowGrowthSearch = "growth-search"
	rowGrowthScan   = "growth-scan"
	rowGrowthCursor = "growth-cursor"
	rowGrowthPlan   = "growth-plan"
	rowGrowthStats  = "growth-stats"
	rowConsole      = "growth-console"
)

const chartSearch = "Searching and planning with millions of rows, in milliseconds: less is better"

// labelSmall is the label of the baseline of a row about growth: the same measurement with few rows.
const labelSmall = "the time with 10 thousand"

// The goals of a large table, in milliseconds.
const (
	mostScan  = 1000
	mostPlan  = 2000
	mostStats = 20
	mostPage  = 50
	// mostOpen is the largest share of a core that open pages of the console may use, in percent.
	mostOpen = 5
)

// searchRows are the rows about searches in a large table.
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
		consoleRow(),
	}
}

// comparedRow is a row whose value and details are compared with the same measurement in the small table.
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

// consoleRow is the latency of pages of the console, and the processor time of open pages that refresh themselves.
func consoleRow() report.Definition {
	row := comparedRow(rowConsole, chartGrowth, []report.Goal{report.AtMost(mostPage)}, nil, detailListPage, detailDeliveryPage)
	row.Details = append(row.Details, report.Definition{Name: detailOpenPages, Unit: "% of a core", Goals: []report.Goal{report.AtMost(mostOpen)}})
	return row
}
