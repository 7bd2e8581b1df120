package endpoints

import (
	"encoding/json"
	"net/http"
	"net/url"

	"redrive/api-service/internal/console/resource"
	"redrive/api-service/internal/console/web"
	"redrive/api-service/internal/console/web/body"
	"redrive/pkg/webhook"
)

type testView struct {
	Endpoint  resource.Endpoint
	Catalogue []resource.EventType
	// EventType and Data are what the form has.
	EventType, Data string
	Result          *result
	Wrong           *web.APIError
}

// Default is the type of a test that names no other.
func (testView) Default() string { return webhook.EventTypeTest }

// TooOften reports whether the endpoint was tested a moment ago.
func (v testView) TooOften() bool {
	return v.Wrong != nil && v.Wrong.Status == http.StatusTooManyRequests
}

// All returns the query of the list of all deliveries of the endpoint.
func (v testView) All() url.Values { return url.Values{"endpointId": {v.Endpoint.ID}} }

// result is a test delivery with its answer.
type result struct {
	resource.Delivery
	ResponseBody string `json:"responseBody"`
	// ErrorCode is that of the attempt, or "".
	ErrorCode string `json:"-"`
}

// Body returns the answer's body as it is shown.
func (r result) Body() body.Body { return body.Of([]byte(r.ResponseBody)) }

// beginTest shows the form.
func beginTest(q *web.Request) error {
	endpoint, err := find(q)
	if err != nil {
		return err
	}
	return testView{Endpoint: endpoint, EventType: q.Query("eventType")}.show(q)
}

// test sends the test, waits for its end and shows the answer.
func test(q *web.Request) error {
	endpoint, err := find(q)
	if err != nil {
		return err
	}
	v := testView{Endpoint: endpoint, EventType: q.Form("eventType"), Data: q.Form("data")}
	spec, wrong := v.spec()
	if len(wrong) > 0 {
		v.Wrong = invalid(wrong)
		return v.show(q)
	}
	var sent result
	if _, err := q.Send(http.MethodPost, base+"/"+endpoint.ID+"/test", spec, &sent); err != nil {
		if v.Wrong, err = refusal(err); err != nil {
			return err
		}
		return v.show(q)
	}
	v.Result = &sent
	if sent.ErrorCode, err = errorCodeOf(q, sent.Delivery); err != nil {
		return err
	}
	return v.show(q)
}

// spec returns the body of the call. Empty fields are left out, so that the API uses its defaults.
func (v testView) spec() (map[string]any, []webhook.Detail) {
	spec := map[string]any{}
	if v.EventType != "" {
		spec["eventType"] = v.EventType
	}
	if v.Data != "" {
		if !json.Valid([]byte(v.Data)) {
			return nil, []webhook.Detail{{Reason: "invalid_json", Field: "data", Message: `data must be a JSON object, such as {"runId": "run_1"}`}}
		}
		spec["data"] = json.RawMessage(v.Data)
	}
	return spec, nil
}

// errorCodeOf returns the error code of the only attempt, which a delivery does not have.
func errorCodeOf(q *web.Request, d resource.Delivery) (string, error) {
	if d.ErrorMessage == "" {
		return "", nil
	}
	var attempts resource.List[resource.Attempt]
	err := q.Get(deliveries+"/"+d.ID+"/attempts", url.Values{"limit": {"1"}, "bodies": {"false"}}, &attempts)
	if err != nil || len(attempts.Items) == 0 {
		return "", err
	}
	return attempts.Items[0].ErrorCode, nil
}

// show reads the catalogue and shows the page.
func (v testView) show(q *web.Request) error {
	var err error
	if v.Catalogue, _, err = readCatalogue(q); err != nil {
		return err
	}
	status := http.StatusOK
	if v.Wrong != nil {
		status = v.Wrong.Status
	}
	return q.Render(status, testPage, "Test an endpoint", v)
}
