package queue

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"redrive/pkg/webhook"
)

const (
	// minutePrefix and the number of a minute are the key of its counts, a hash: a result → a number of attempts.
	minutePrefix = ownPrefix + "minute:"
	// countedSinceKey is the Unix time in milliseconds since which attempts are counted. It does not expire, and is gone after Redis was emptied.
	countedSinceKey = ownPrefix + "minutes:since"
	// MinutesShown is how many minutes ReadMinutes returns.
	MinutesShown = 60
	// MinutesKept is how many minutes counts are kept.
	MinutesKept = 70
)

// MinuteCount is how many attempts ended in a minute.
type MinuteCount struct {
	Start time.Time
	// Results are numbers of attempts by webhook.Attempt.ResultKey. It is nil for a minute without attempts.
	Results map[string]int64
}

// Minutes are the attempts that all dispatchers have counted.
type Minutes struct {
	// Since is when counting began. It is zero if no attempt has been counted since Redis was emptied.
	Since time.Time
	// Counts has MinutesShown minutes, the oldest first. Minutes without attempts are in it.
	Counts []MinuteCount
}

// MinuteCounter counts attempts by minute and result in Redis. It is safe for concurrent use.
type MinuteCounter struct{ redis redis.UniversalClient }

// NewMinuteCounter makes a MinuteCounter.
func NewMinuteCounter(client redis.UniversalClient) *MinuteCounter { return &MinuteCounter{client} }

// addMinutesScript adds counts. KEYS: since, then those of minutes. ARGV: the time in ms, the life of a minute in ms, then for each count: the
// index of its minute in KEYS, its result and its number.
var addMinutesScript = redis.NewScript(`
redis.call("SETNX", KEYS[1], ARGV[1])
for i = 3, #ARGV, 3 do
	redis.call("HINCRBY", KEYS[tonumber(ARGV[i])], ARGV[i + 1], ARGV[i + 2])
end
for i = 2, #KEYS do
	redis.call("PEXPIRE", KEYS[i], ARGV[2])
end
return 0`)

// AddMinutes adds numbers of attempts by minute and result, all or none, in one round trip. Now is the time since which attempts count if none
// have been counted before. After an error, the counts may have been added all the same.
func (c *MinuteCounter) AddMinutes(ctx context.Context, now time.Time, counts map[webhook.Minute]map[string]int64) error {
	const life = MinutesKept * time.Minute
	keys, args := []string{countedSinceKey}, []any{now.UnixMilli(), life.Milliseconds()}
	for minute, results := range counts {
		keys = append(keys, minuteKey(minute))
		for result, count := range results {
			args = append(args, len(keys), result, count)
		}
	}
	if err := addMinutesScript.Run(ctx, c.redis, keys, args...).Err(); err != nil {
		return fmt.Errorf("count attempts by minute: %w", err)
	}
	return nil
}

// ReadMinutes returns the counts of the last MinutesShown minutes, the running one included, in one round trip.
func (c *MinuteCounter) ReadMinutes(ctx context.Context, now time.Time) (Minutes, error) {
	first := webhook.MinuteOf(now) - MinutesShown + 1
	hashes := make([]*redis.MapStringStringCmd, MinutesShown)
	var since *redis.SliceCmd
	_, err := c.redis.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		since = pipe.MGet(ctx, countedSinceKey)
		for i := range hashes {
			hashes[i] = pipe.HGetAll(ctx, minuteKey(first+webhook.Minute(i)))
		}
		return nil
	})
	if err != nil {
		return Minutes{}, fmt.Errorf("read the attempts by minute: %w", err)
	}
	minutes := Minutes{Counts: make([]MinuteCount, MinutesShown)}
	if minutes.Since, err = parseSince(since.Val()); err != nil {
		return Minutes{}, fmt.Errorf("read the attempts by minute: %w", err)
	}
	for i, hash := range hashes {
		minutes.Counts[i].Start = (first + webhook.Minute(i)).Start()
		if minutes.Counts[i].Results, err = parseCounts(hash.Val()); err != nil {
			return Minutes{}, fmt.Errorf("read the attempts by minute: %w", err)
		}
	}
	return minutes, nil
}

func minuteKey(m webhook.Minute) string { return minutePrefix + strconv.FormatInt(int64(m), 10) }

// parseSince parses the only value of a slice, which is nil if the key does not exist.
func parseSince(values []any) (time.Time, error) {
	text, found := values[0].(string)
	if !found {
		return time.Time{}, nil
	}
	milliseconds, err := strconv.ParseInt(text, 10, 64)
	return time.UnixMilli(milliseconds).UTC(), err
}

func parseCounts(hash map[string]string) (map[string]int64, error) {
	if len(hash) == 0 {
		return nil, nil
	}
	counts := make(map[string]int64, len(hash))
	for result, text := range hash {
		count, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, err
		}
		counts[result] = count
	}
	return counts, nil
}
