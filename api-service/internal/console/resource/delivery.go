package resource

import "time"

// Delivery is a delivery without bodies.
type Delivery struct {
	ID             string    `json:"id"`
	EndpointID     string    `json:"endpointId"`
	EventType      string    `json:"eventType"`
	WorkflowID     string    `json:"workflowId"`
	RunID          string    `json:"runId"`
	ExecutionID    string    `json:"executionId"`
	Status         string    `json:"status"`
	RetryCount     int       `json:"retryCount"`
	MaxRetries     int       `json:"maxRetries"`
	NextRetryAt    time.Time `json:"nextRetryAt"`
	ResponseStatus int       `json:"responseStatus"`
	DurationMs     *int64    `json:"durationMs"`
	ErrorMessage   string    `json:"errorMessage"`
	CreatedAt      time.Time `json:"createdAt"`
	UpdatedAt      time.Time `json:"updatedAt"`
}

// Failed reports whether the delivery can be retried.
func (d Delivery) Failed() bool { return d.Status == "failure" }

// Waiting reports whether the delivery can be cancelled.
func (d Delivery) Waiting() bool { return d.Status == "pending" || d.Status == "retrying" }

// Attempt is an attempt without bodies.
type Attempt struct {
	ID                    string            `json:"id"`
	Number                int               `json:"number"`
	StartedAt             time.Time         `json:"startedAt"`
	DurationMs            int64             `json:"durationMs"`
	Outcome               string            `json:"outcome"`
	RequestHeaders        map[string]string `json:"requestHeaders"`
	ResponseStatus        int               `json:"responseStatus"`
	ResponseHeaders       map[string]string `json:"responseHeaders"`
	ResponseBodyTruncated bool              `json:"responseBodyTruncated"`
	ErrorMessage          string            `json:"errorMessage"`
	ErrorCode             string            `json:"errorCode"`
	NextRetryAt           time.Time         `json:"nextRetryAt"`
}

// Explanation says why a delivery is in its state.
type Explanation struct {
	Status      string       `json:"status"`
	Code        string       `json:"code"`
	Summary     string       `json:"summary"`
	Since       time.Time    `json:"since"`
	NextAttempt *NextAttempt `json:"nextAttempt"`
	LastAttempt *Attempt     `json:"lastAttempt"`
	EventID     string       `json:"eventId"`
	ReplayOf    string       `json:"replayOf"`
	BulkJobID   string       `json:"bulkJobId"`
	Endpoint    struct {
		ID            string    `json:"id"`
		Status        string    `json:"status"`
		PausedAt      time.Time `json:"pausedAt"`
		Circuit       string    `json:"circuit"`
		InFlight      *int      `json:"inFlight"`
		InFlightLimit *int      `json:"inFlightLimit"`
		RateLimit     int       `json:"rateLimit"`
	} `json:"endpoint"`
	Queue struct {
		State string `json:"state"`
	} `json:"queue"`
	Causes []Cause `json:"causes"`
}

// NextAttempt is the attempt that is due next.
type NextAttempt struct {
	At          time.Time `json:"at"`
	Number      int       `json:"number"`
	MaxAttempts int       `json:"maxAttempts"`
}

// Cause is one cause of a delivery's state.
type Cause struct {
	Code    string    `json:"code"`
	Message string    `json:"message"`
	Since   time.Time `json:"since"`
	Until   time.Time `json:"until"`
}
