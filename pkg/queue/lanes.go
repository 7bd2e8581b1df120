package queue

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"redrive/pkg/queue/internal/keys"
	"redrive/pkg/webhook"
)

// An organization has few tasks in asynq's pending list. Its further deliveries stay in the database, and their lane is in backlog:
// dispatchers claim deliveries from it in order, and the lane's cursor in Redis says how far they are. Redis keeps one field for a lane,
// however many deliveries are in it.
//
//	lanesKey    lane → cursor, for each lane in backlog
//	addedKey    lane → value of totalKey when a delivery was last added or the lane was opened; a reopened lane has a new value
//	totalKey    number of deliveries that were added to lanes, and of lanes that were opened, since Redis was last empty
//	sharesKey   share → number of its pending tasks, a hint
//	laterKey    organization → number of its scheduled tasks, a hint
//	idleKey     exists while a dispatcher waits for a notification on wakeChannel; names the one that began to wait last
//
// A share is an organization's part of the pending list, with an allowance of its own for PriorityHead.
const (
	lanesKey    = ownPrefix + "lanes"
	addedKey    = ownPrefix + "lanes:added"
	totalKey    = ownPrefix + "lanes:total"
	sharesKey   = ownPrefix + "shares"
	laterKey    = ownPrefix + "later"
	idleKey     = ownPrefix + "idle"
	wakeChannel = ownPrefix + "wake"
)

const (
	// shareLimit is the number of pending tasks of an organization from which on its deliveries wait in the database. A dispatcher
	// takes 50 tasks in some 25 ms, which is what one flood can delay another organization by.
	shareLimit = 50
	// headLimit is the same for deliveries of PriorityHead.
	headLimit = 16
	// laterLimit is the number of scheduled and retry tasks of an organization from which on its retries wait in the database.
	laterLimit = 50
)

// Lanes is the state in Redis of the lanes in backlog. It is safe for concurrent use.
type Lanes struct {
	redis redis.UniversalClient
	name  string // of this dispatcher, among those that wait for notifications
}

// NewLanes makes Lanes over a shared client.
func NewLanes(client redis.UniversalClient) *Lanes { return &Lanes{redis: client, name: rand.Text()} }

// LaneState is how far a lane in backlog has been claimed.
type LaneState struct {
	// Cursor is the last claimed position. Deliveries at or before it have a task, have ended, were committed late, or were given back.
	Cursor webhook.Position
	// Added grows with every delivery that is added to the lane. A lane that was closed and reopened has a new value.
	Added int64
}

// List returns all lanes in backlog.
func (l *Lanes) List(ctx context.Context) (map[webhook.Lane]LaneState, error) {
	var cursors, added *redis.MapStringStringCmd
	_, err := l.redis.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		cursors, added = pipe.HGetAll(ctx, lanesKey), pipe.HGetAll(ctx, addedKey)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the lanes in backlog: %w", err)
	}
	lanes := make(map[webhook.Lane]LaneState, len(cursors.Val()))
	for key, cursor := range cursors.Val() {
		lane, err := parseLane(key)
		if err != nil {
			return nil, fmt.Errorf("list the lanes in backlog: %w", err)
		}
		position, err := parsePosition(cursor)
		if err != nil {
			return nil, fmt.Errorf("list the lanes in backlog: %w", err)
		}
		count, _ := strconv.ParseInt(added.Val()[key], 10, 64) // absent is 0
		lanes[lane] = LaneState{Cursor: position, Added: count}
	}
	return lanes, nil
}

// Open puts lanes into backlog, or moves the cursor of those that are back to the start. Deliveries that have a task are passed over.
func (l *Lanes) Open(ctx context.Context, lanes []webhook.Lane) error {
	if len(lanes) == 0 {
		return nil
	}
	args := make([]any, 0, 2+len(lanes))
	args = append(args, wakeChannel, startCursor)
	for _, lane := range lanes {
		args = append(args, encodeLane(lane))
	}
	if err := openScript.Run(ctx, l.redis, []string{lanesKey, totalKey, idleKey, addedKey}, args...).Err(); err != nil {
		return fmt.Errorf("open lanes: %w", err)
	}
	return nil
}

// openScript sets cursors. It counts the lanes as added deliveries, which makes dispatchers look at the lanes, and keeps one that
// has found a lane empty from closing it. KEYS: lanes, total, idle, added. ARGV: channel, cursor, lanes.
var openScript = redis.NewScript(`
local total = redis.call("INCRBY", KEYS[2], #ARGV - 2)
for i = 3, #ARGV do
	redis.call("HSET", KEYS[1], ARGV[i], ARGV[2])
	redis.call("HSET", KEYS[4], ARGV[i], total)
end
if redis.call("DEL", KEYS[3]) == 1 then
	redis.call("PUBLISH", ARGV[1], "1")
end
return 0`)

// Add adds n deliveries to a lane if it is in backlog and its cursor is before the first of them. It reports whether it did.
func (l *Lanes) Add(ctx context.Context, lane webhook.Lane, first webhook.Position, n int) (bool, error) {
	added, err := addScript.Run(ctx, l.redis, []string{lanesKey, addedKey, totalKey, idleKey},
		encodeLane(lane), encodePosition(first), n, wakeChannel).Int()
	if err != nil {
		return false, fmt.Errorf("add to a lane: %w", err)
	}
	return added == 1, nil
}

// addScript counts deliveries that wait in a lane. KEYS: lanes, added, total, idle. ARGV: lane, position, number, channel.
var addScript = redis.NewScript(`
local cursor = redis.call("HGET", KEYS[1], ARGV[1])
if not cursor or ARGV[2] <= cursor then
	return 0
end
redis.call("HSET", KEYS[2], ARGV[1], redis.call("INCRBY", KEYS[3], ARGV[3]))
if redis.call("DEL", KEYS[4]) == 1 then
	redis.call("PUBLISH", ARGV[4], "1")
end
return 1`)

// Close takes a lane out of backlog if its state is still the given one. It reports whether it did.
func (l *Lanes) Close(ctx context.Context, lane webhook.Lane, state LaneState) (bool, error) {
	closed, err := closeScript.Run(ctx, l.redis, []string{lanesKey, addedKey}, encodeLane(lane), encodePosition(state.Cursor), state.Added).Int()
	if err != nil {
		return false, fmt.Errorf("close a lane: %w", err)
	}
	return closed == 1, nil
}

// closeScript compares and deletes. KEYS: lanes, added. ARGV: lane, cursor, added.
var closeScript = redis.NewScript(`
if redis.call("HGET", KEYS[1], ARGV[1]) ~= ARGV[2] or (redis.call("HGET", KEYS[2], ARGV[1]) or "0") ~= ARGV[3] then
	return 0
end
redis.call("HDEL", KEYS[1], ARGV[1])
redis.call("HDEL", KEYS[2], ARGV[1])
return 1`)

// Behind reports whether the position is after the cursor. Dispatchers then claim its delivery from the lane.
func (s LaneState) Behind(p webhook.Position) bool { return p.After(s.Cursor) }

//go:embed defer.lua
var deferSource string

var deferScript = redis.NewScript(deferSource)

// Defer decides where a delivery waits that a worker gives back until a later time. It reports whether the caller keeps the task, which
// then goes to asynq's retry set. Otherwise the delivery waits in its lane, and the caller removes the task.
func (l *Lanes) Defer(ctx context.Context, deliveryID, queue string, lane webhook.Lane) (keep bool, err error) {
	k := keys.Of(queue)
	kept, err := deferScript.Run(ctx, l.redis,
		[]string{lanesKey, addedKey, laterKey, k.Task(deliveryID), k.Retry, k.Scheduled, idleKey, totalKey},
		encodeLane(lane), lane.OrganizationID, laterLimit, wakeChannel).Int()
	if err != nil {
		return true, fmt.Errorf("defer delivery %s: %w", deliveryID, err)
	}
	return kept == 1, nil
}

// startCursor is before every position, compared as a string.
const startCursor = "0"

// positionDigits hold the microseconds of any time until the year 2286.
const positionDigits = 16

// encodePosition encodes a position so that the order of the strings is the order of the positions.
func encodePosition(p webhook.Position) string {
	micro := p.DueAt.UnixMicro()
	if micro <= 0 {
		return startCursor
	}
	return fmt.Sprintf("%0*d:%s", positionDigits, micro, p.DeliveryID)
}

var errMalformed = errors.New("malformed")

func parsePosition(text string) (webhook.Position, error) {
	if text == startCursor {
		return webhook.Position{}, nil
	}
	digits, id, found := strings.Cut(text, ":")
	micro, err := strconv.ParseInt(digits, 10, 64)
	if !found || err != nil {
		return webhook.Position{}, fmt.Errorf("cursor %q: %w", text, errMalformed)
	}
	return webhook.Position{DueAt: time.UnixMicro(micro).UTC(), DeliveryID: id}, nil
}

func encodeLane(l webhook.Lane) string {
	return strconv.Itoa(int(l.Priority)) + ":" + l.EndpointID + ":" + l.OrganizationID
}

func parseLane(text string) (webhook.Lane, error) {
	parts := strings.SplitN(text, ":", 3)
	if len(parts) != 3 {
		return webhook.Lane{}, fmt.Errorf("lane %q: %w", text, errMalformed)
	}
	priority, err := strconv.ParseInt(parts[0], 10, 16)
	if err != nil {
		return webhook.Lane{}, fmt.Errorf("lane %q: %w", text, errMalformed)
	}
	return webhook.Lane{Priority: webhook.Priority(priority), EndpointID: parts[1], OrganizationID: parts[2]}, nil
}

// shareOf returns the share that a lane's pending tasks count in, and its limit.
func shareOf(l webhook.Lane) (share string, limit int) {
	switch l.Priority {
	case webhook.PriorityHead:
		return "head:" + l.OrganizationID, headLimit
	case webhook.PriorityBulk:
		return "bulk:" + l.OrganizationID, 0
	default:
		return "live:" + l.OrganizationID, shareLimit
	}
}
