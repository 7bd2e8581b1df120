package webhook

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"time"
)

// ChangeKind is the kind of a change of an endpoint.
type ChangeKind string

// The kinds of changes.
const (
	ChangeCreated           ChangeKind = "created"
	ChangeUpdated           ChangeKind = "updated"
	ChangePaused            ChangeKind = "paused"
	ChangeResumed           ChangeKind = "resumed"
	ChangeEnabled           ChangeKind = "enabled"
	ChangeDisabled          ChangeKind = "disabled"
	ChangeSecretRegenerated ChangeKind = "secret_regenerated"
	ChangeDeleted           ChangeKind = "deleted"
)

// BySystem is the author of the changes that Redrive makes itself.
const BySystem = "system"

// EndpointChange is a change to make. The store applies it to the endpoint while it holds the endpoint's row, so that changes of one
// endpoint take effect one after the other.
type EndpointChange struct {
	Kind ChangeKind
	// By is who changes the endpoint: the ID of an API key, the actor of a console session, ByOperator or BySystem.
	By     string
	Reason string
	// At is the time of the change. The store moves it behind the endpoint's last change.
	At time.Time
	// Opened gives Apply the signing secrets and the values of the headers. Otherwise, there are no secrets, and the values are empty.
	Opened bool
	// Unannounced is true if no operational event is published about the change.
	Unannounced bool
	// Apply changes the fields of the endpoint except UpdatedAt. Header values that it sets replace all headers. If it returns an error,
	// nothing is changed. If no field is changed, nothing is written.
	Apply func(e *Endpoint) error
}

// Enabling returns the change that enables an endpoint.
func Enabling(by string, now time.Time) EndpointChange {
	return EndpointChange{Kind: ChangeEnabled, By: by, At: now, Apply: func(e *Endpoint) error {
		e.Status, e.DisabledAt, e.DisabledReason = EndpointActive, time.Time{}, ""
		return nil
	}}
}

// Disabling returns the change that disables an endpoint. It does not change an endpoint that is disabled already.
func Disabling(by string, reason DisabledReason, now time.Time) EndpointChange {
	return EndpointChange{Kind: ChangeDisabled, By: by, Reason: string(reason), At: now, Apply: func(e *Endpoint) error {
		if e.Status != EndpointDisabled {
			e.Status, e.DisabledAt, e.DisabledReason = EndpointDisabled, now, reason
		}
		return nil
	}}
}

// RegeneratingSecret returns the change that makes a secret the endpoint's current one. See Endpoint.RotatedSecrets.
func RegeneratingSecret(by string, secret Secret, overlap time.Duration, now time.Time) EndpointChange {
	return EndpointChange{Kind: ChangeSecretRegenerated, By: by, At: now, Opened: true, Apply: func(e *Endpoint) (err error) {
		e.SigningSecrets, err = e.RotatedSecrets(secret, overlap, now)
		return err
	}}
}

// EndpointChanged is the record of a change. Before and After are JSON objects that have the changed fields under their names in the API.
// A field without a value is left out. Secrets and header values are masked.
type EndpointChanged struct {
	ID             string
	OrganizationID string
	EndpointID     string
	At             time.Time
	Change         ChangeKind
	By             string
	Reason         string
	Before         json.RawMessage
	After          json.RawMessage
}

// Created returns the record of the endpoint's creation.
func (e Endpoint) Created() (EndpointChanged, error) {
	return newChanged(EndpointChange{Kind: ChangeCreated, By: e.CreatedBy}, e, map[string]any{}, e.fields())
}

// Changed returns the record of a change from one state of an endpoint to another, and the names of the changed fields. There are no names
// if nothing was changed.
func Changed(change EndpointChange, before, after Endpoint) (EndpointChanged, []string, error) {
	was, is := before.fields(), after.fields()
	var names []string
	for name := range mergedKeys(was, is) {
		if reflect.DeepEqual(was[name], is[name]) {
			delete(was, name)
			delete(is, name)
			continue
		}
		names = append(names, name)
	}
	record, err := newChanged(change, after, was, is)
	return record, names, err
}

func mergedKeys(a, b map[string]any) map[string]any {
	merged := maps.Clone(a)
	maps.Copy(merged, b)
	return merged
}

func newChanged(change EndpointChange, e Endpoint, was, is map[string]any) (EndpointChanged, error) {
	before, err := json.Marshal(was)
	if err != nil {
		return EndpointChanged{}, fmt.Errorf("encode a change of %s: %w", e.ID, err)
	}
	after, err := json.Marshal(is)
	if err != nil {
		return EndpointChanged{}, fmt.Errorf("encode a change of %s: %w", e.ID, err)
	}
	return EndpointChanged{
		ID: NewID(KindChange, e.UpdatedAt), OrganizationID: e.OrganizationID, EndpointID: e.ID, At: e.UpdatedAt,
		Change: change.Kind, By: change.By, Reason: change.Reason, Before: before, After: after,
	}, nil
}

// signingSecrets encodes as asterisks.
type signingSecrets []SigningSecret

// MarshalText hides the secrets.
func (signingSecrets) MarshalText() ([]byte, error) { return Secret("").MarshalText() }

// fields returns the fields that a change can change, under their names in the API, without those that have no value. Secrets and header
// values encode as asterisks.
func (e Endpoint) fields() map[string]any {
	subscriptions := e.SubscribedEventTypes
	if subscriptions == nil {
		subscriptions = []string{}
	}
	fields := map[string]any{
		"name": e.Name, "url": e.URL, "description": e.Description, "subscribedEventTypes": subscriptions, "maxRetries": e.MaxRetries,
		"rateLimit": e.RateLimit, "headers": e.Headers, "timeoutSeconds": e.TimeoutSeconds, "retrySchedule": e.RetrySchedule,
		"payload": e.Payload, "signatureHeader": e.SignatureHeader, "metadata": e.Metadata, "status": e.Status,
		"disabledAt": Timestamp(e.DisabledAt), "disabledReason": e.DisabledReason, "pausedAt": Timestamp(e.PausedAt),
		"deletedAt": Timestamp(e.DeletedAt), "signingSecret": signingSecrets(e.SigningSecrets),
	}
	for name, value := range fields {
		v := reflect.ValueOf(value)
		empty := v.IsZero() || (v.Kind() == reflect.Map || v.Kind() == reflect.Slice) && v.Len() == 0
		if empty && name != "maxRetries" && name != "rateLimit" && name != "subscribedEventTypes" {
			delete(fields, name)
		}
	}
	return fields
}

// ChangeFilter selects changes of endpoints of an organization. Other fields than OrganizationID are optional.
type ChangeFilter struct {
	OrganizationID string
	EndpointID     string
	// By is an author as the changes have it. The ID of a console session selects its changes, whatever its subject is.
	By   string
	From time.Time // inclusive
	To   time.Time // exclusive
}
