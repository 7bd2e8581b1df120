package bulkjobs_test

import (
	"testing"

	"redrive/api-service/internal/console/bulkjobs"
	"redrive/api-service/internal/console/webtest"
)

const (
	jobID      = "job_00000000000000000000000001"
	endpointID = "ep_00000000000000000000000001"
	gone       = "ep_00000000000000000000000009"
	deliveryID = "dlv_00000000000000000000000001"
	eventID    = "evt_00000000000000000000000001"

	base = "/v1/execution-webhooks"
	all  = base + "/bulk-jobs"
	one  = all + "/" + jobID
)

// object is a JSON object.
type object map[string]any

// reply is an answer with a value as its data.
func reply(data any) webtest.Reply { return webtest.Reply{Data: webtest.JSON(data)} }

// console returns the pages with one endpoint.
func console(t *testing.T) *webtest.Console {
	c := webtest.New(t, bulkjobs.Routes())
	c.Answer("GET "+base, reply(object{"items": []any{object{"id": endpointID, "name": "Billing " + webtest.Hostile, "status": "active"}}, "hasMore": false}))
	return c
}

// running is a job that is half done.
func running(change object) object {
	job := object{
		"id": jobID, "action": "retry", "filter": object{"status": "failure", "eventType": webtest.Hostile}, "perSecond": 200, "status": "running", "total": 12345,
		"processed": 1200, "applied": 1000, "skipped": object{"cancelled": 150, "of a later version": 50}, "createdBy": webtest.Hostile,
		"createdAt": "2026-01-02T03:04:05Z", "startedAt": "2026-01-02T03:04:06Z",
		"outcome": object{"success": 700, "failure": 1001, "waiting": 99, "asOf": "2026-01-02T03:05:00Z"},
	}
	for name, value := range change {
		if value == nil {
			delete(job, name)
		} else {
			job[name] = value
		}
	}
	return job
}
