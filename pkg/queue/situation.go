package queue

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"redrive/pkg/queue/internal/keys"
	"redrive/pkg/webhook"
)

//go:embed situation.lua
var situationSource string

var situationScript = redis.NewScript(situationSource)

// Presence is the state of a delivery's task, as operators see it.
type Presence string

// The states of a task. PresenceUnknown is the state if Redis cannot be read.
const (
	PresencePending   Presence = "pending"
	PresenceScheduled Presence = "scheduled"
	PresenceRetry     Presence = "retry"
	PresenceActive    Presence = "active"
	PresenceArchived  Presence = "archived"
	PresenceAbsent    Presence = "absent" // there is no task, or a damaged one that no worker finds
	PresenceUnknown   Presence = "unknown"
)

// Situation is what Redis has about a waiting delivery.
type Situation struct {
	Task Presence
	// RunsAt is when a scheduled or retry task becomes pending.
	RunsAt time.Time
	// Paused means that an operator has paused the queue.
	Paused bool
	// InBacklog means that the delivery waits in its lane in the database, because its organization's share of the queue is full.
	InBacklog bool
	// Dispatchers are the dispatchers that have a summary, those that stop among them.
	Dispatchers []DispatcherView
}

// DispatcherView is what a dispatcher's summary has about one delivery. Endpoint and Organization are nil if it does not describe them.
type DispatcherView struct {
	Dispatcher   DispatcherState
	Endpoint     *EndpointState
	Organization *OrganizationState
	// Attempting is when the dispatcher began an attempt of the delivery whose outcome is not on record yet. It is zero without one.
	Attempting time.Time
}

// ReadSituation returns what Redis has about the delivery. It changes nothing, and is one round trip.
func (l *Lanes) ReadSituation(ctx context.Context, d webhook.Delivery) (Situation, error) {
	k := keys.Of(d.Queue)
	reply, err := situationScript.Run(ctx, l.redis, []string{
		k.Task(d.ID), k.Pending, k.Active, k.Scheduled, k.Retry, k.Archived, k.Completed, k.Paused, lanesKey, summariesKey,
	}, d.ID, encodeLane(d.Lane()), summaryPrefix, dispatcherField, endpointFieldPrefix+d.EndpointID, organizationFieldPrefix+d.OrganizationID,
		attemptFieldPrefix+d.ID).Slice()
	if err != nil {
		return Situation{}, fmt.Errorf("read the situation of delivery %s: %w", d.ID, err)
	}
	s, err := readSituation(reply, d)
	if err != nil {
		return Situation{}, fmt.Errorf("read the situation of delivery %s: %w", d.ID, err)
	}
	return s, nil
}

func readSituation(reply []any, d webhook.Delivery) (Situation, error) {
	if len(reply) != 5 {
		return Situation{}, fmt.Errorf("the script returned %d values", len(reply))
	}
	state, _ := reply[0].(string)
	at, _ := reply[1].(int64)
	paused, _ := reply[2].(int64)
	cursor, _ := reply[3].(string)
	summaries, _ := reply[4].([]any)
	s := Situation{Task: presenceOf(state), Paused: paused == 1}
	if s.Task == PresenceScheduled || s.Task == PresenceRetry {
		s.RunsAt = time.Unix(at, 0).UTC()
	}
	if cursor != "" && s.Task == PresenceAbsent {
		reached, err := parsePosition(cursor)
		if err != nil {
			return s, err
		}
		s.InBacklog = LaneState{Cursor: reached}.Behind(d.Position())
	}
	for _, summary := range summaries {
		view, err := readView(summary)
		if err != nil {
			return s, err
		}
		s.Dispatchers = append(s.Dispatchers, view)
	}
	return s, nil
}

// presenceOf translates the state that the script returned. A completed task has ended and is about to be removed.
func presenceOf(state string) Presence {
	states := []Presence{PresencePending, PresenceScheduled, PresenceRetry, PresenceActive, PresenceArchived}
	if slices.Contains(states, Presence(state)) {
		return Presence(state)
	}
	return PresenceAbsent
}

func readView(value any) (view DispatcherView, err error) {
	fields, _ := value.([]any)
	if len(fields) != 4 {
		return view, fmt.Errorf("a summary has %d fields", len(fields))
	}
	if _, err := decodeField(fields[0], &view.Dispatcher); err != nil {
		return view, err
	}
	if _, err := decodeField(fields[3], &view.Attempting); err != nil {
		return view, err
	}
	if view.Endpoint, err = optionalField[EndpointState](fields[1]); err != nil {
		return view, err
	}
	view.Organization, err = optionalField[OrganizationState](fields[2])
	return view, err
}

// optionalField returns nil if the summary does not have the field.
func optionalField[T any](value any) (*T, error) {
	into := new(T)
	found, err := decodeField(value, into)
	if err != nil || !found {
		return nil, err
	}
	return into, nil
}

// decodeField reports whether the summary has the field.
func decodeField(value, into any) (found bool, err error) {
	text, _ := value.(string)
	if text == "" {
		return false, nil
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return false, fmt.Errorf("decode a summary: %w", err)
	}
	return true, nil
}
