package backlog

import "github.com/prometheus/client_golang/prometheus"

// descriptions describe the metrics. No label takes values from customers.
type descriptions struct {
	tasks, pending       *prometheus.Desc // of the queue
	lanes, organizations *prometheus.Desc
	shares, largestShare *prometheus.Desc
	oldest, waiting      *prometheus.Desc // of the database
	failing, disabled    *prometheus.Desc
}

// same ends each help: dispatchers share one queue.
const same = " The same for every dispatcher."

func describe() descriptions {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help+same, labels, nil)
	}
	return descriptions{
		tasks: desc("redrive_queue_tasks", "Tasks in the queue, by state.", "state"),
		pending: desc("redrive_queue_oldest_pending_seconds",
			"Time that the next task to dequeue has been pending, in seconds; 0 if none is."),
		lanes:         desc("redrive_backlog_lanes", "Lanes in backlog, by priority.", "priority"),
		organizations: desc("redrive_backlog_organizations", "Organizations with a lane in backlog."),
		shares:        desc("redrive_queue_shares", "Shares of organizations with pending tasks."),
		largestShare:  desc("redrive_queue_share_largest_tasks", "Pending tasks of the largest share."),
		oldest:        desc("redrive_oldest_due_seconds", "Time since the oldest due delivery became due, in seconds; 0 if none is due."),
		waiting: desc("redrive_deliveries_waiting",
			"Deliveries that wait, by status, among the first 10,000 that are due and the first 10,000 that are due later.", "status"),
		failing:  desc("redrive_endpoints_failing", "Active endpoints that have failed since their last success."),
		disabled: desc("redrive_endpoints_disabled", "Disabled endpoints, by reason.", "reason"),
	}
}

func (d descriptions) all() []*prometheus.Desc {
	return []*prometheus.Desc{d.tasks, d.pending, d.lanes, d.organizations, d.shares, d.largestShare, d.oldest, d.waiting, d.failing, d.disabled}
}

func gauge(d *prometheus.Desc, value float64, labelValues ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labelValues...)
}
