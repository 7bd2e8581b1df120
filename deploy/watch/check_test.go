package watch_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/VictoriaMetrics/metricsql"

	"redrive/pkg/observe"
)

// rates are the values that Grafana inserts for its variables.
var rates = strings.NewReplacer("$__rate_interval", "5m", "$instance", ".*")

// check returns what a query uses that is not exposed.
func (e exposed) check(query string) (problems []string) {
	parsed, err := metricsql.Parse(rates.Replace(query))
	if err != nil {
		return []string{err.Error()}
	}
	asked := 0
	metricsql.VisitAll(parsed, func(expression metricsql.Expr) {
		switch x := expression.(type) {
		case *metricsql.MetricExpr:
			asked++
			for _, alternative := range x.LabelFilterss {
				problems = append(problems, e.checkSelector(alternative)...)
			}
		case *metricsql.AggrFuncExpr:
			problems = append(problems, e.checkGrouping(x, x.Modifier.Args)...)
		case *metricsql.BinaryOpExpr:
			problems = append(problems, e.checkGrouping(x, x.GroupModifier.Args)...)
		}
	})
	if asked == 0 {
		problems = append(problems, "it asks for no metric")
	}
	return problems
}

// checkSelector checks that the metric, its labels and their values are exposed.
func (e exposed) checkSelector(filters []metricsql.LabelFilter) (problems []string) {
	var name string
	for _, filter := range filters {
		if filter.Label == "__name__" {
			name = filter.Value
		}
	}
	labels, known := e[name]
	if !known {
		return []string{"nothing exposes " + name}
	}
	for _, filter := range filters {
		if filter.Label == "__name__" {
			continue
		}
		values, known := labels[filter.Label]
		if !known {
			problems = append(problems, fmt.Sprintf("%s has no label %s", name, filter.Label))
			continue
		}
		problems = append(problems, checkValue(name, filter, values)...)
	}
	return problems
}

// checkValue checks that a value matches. A class of status may be one that has not occurred yet.
func checkValue(name string, filter metricsql.LabelFilter, values map[string]bool) []string {
	wanted := []string{filter.Value}
	if filter.IsRegexp {
		wanted = strings.Split(filter.Value, "|")
	}
	for _, want := range wanted {
		matches := func(value string) bool {
			return value == want || filter.IsRegexp && regexp.MustCompile("^(?:"+want+")$").MatchString(value)
		}
		found := filter.Label == "status" && slices.ContainsFunc(observe.StatusClasses[:], matches)
		for value := range values {
			found = found || matches(value)
		}
		if !found {
			return []string{fmt.Sprintf("%s has no %s %s", name, filter.Label, want)}
		}
	}
	return nil
}

// checkGrouping checks that each label belongs to a metric of the expression.
func (e exposed) checkGrouping(within metricsql.Expr, labels []string) (problems []string) {
	for _, label := range labels {
		found := false
		metricsql.VisitAll(within, func(expression metricsql.Expr) {
			if metric, is := expression.(*metricsql.MetricExpr); is && len(metric.LabelFilterss) > 0 {
				for _, filter := range metric.LabelFilterss[0] {
					found = found || filter.Label == "__name__" && e[filter.Value][label] != nil
				}
			}
		})
		if !found {
			problems = append(problems, "nothing in it has the label "+label)
		}
	}
	return problems
}
