package queue

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// summariesKey is the set of the names of dispatchers with a summary. Names of dispatchers that have died are removed by the others.
	summariesKey = ownPrefix + "summaries"
	// summaryPrefix and the name of a dispatcher are the key of its summary, a hash.
	summaryPrefix = ownPrefix + "summary:"
	// summaryLife is how long a summary exists after its dispatcher has last published or kept it.
	summaryLife = 8 * time.Second
	// summaryRenewal is how often a summary is written although it is unchanged.
	summaryRenewal = time.Minute
)

// Summaries publishes the summaries of one dispatcher. It is not safe for concurrent use.
type Summaries struct {
	redis   redis.UniversalClient
	name    string
	fields  map[string]string // of the summary in Redis; nil if that is not known
	written time.Time
}

// NewSummaries returns the Summaries of a dispatcher that has just started.
func NewSummaries(client redis.UniversalClient) *Summaries {
	return &Summaries{redis: client, name: rand.Text()}
}

// publishSummaryScript replaces a summary, and forgets the dispatchers that have none. KEYS: names, summary. ARGV: name, prefix of
// summaries, life in ms, then fields and their values.
var publishSummaryScript = redis.NewScript(`
redis.call("DEL", KEYS[2])
redis.call("HSET", KEYS[2], unpack(ARGV, 4))
redis.call("PEXPIRE", KEYS[2], ARGV[3])
redis.call("SADD", KEYS[1], ARGV[1])
for _, name in ipairs(redis.call("SMEMBERS", KEYS[1])) do
	if redis.call("EXISTS", ARGV[2] .. name) == 0 then
		redis.call("SREM", KEYS[1], name)
	end
end
return 0`)

// Publish publishes a summary, which replaces the last one. It expires after 8 s: call Publish again before. A summary that has not
// changed costs one command.
func (s *Summaries) Publish(ctx context.Context, summary Summary) error {
	fields, err := summary.encode()
	if err != nil {
		return err
	}
	if s.fields != nil && time.Since(s.written) < summaryRenewal && maps.Equal(fields, s.fields) {
		kept, err := s.redis.PExpire(ctx, summaryPrefix+s.name, summaryLife).Result()
		if err != nil || kept {
			return s.failed(err)
		}
	}
	args := []any{s.name, summaryPrefix, summaryLife.Milliseconds()}
	for field, value := range fields {
		args = append(args, field, value)
	}
	if err := publishSummaryScript.Run(ctx, s.redis, []string{summariesKey, summaryPrefix + s.name}, args...).Err(); err != nil {
		return s.failed(err)
	}
	s.fields, s.written = fields, time.Now()
	return nil
}

func (s *Summaries) failed(err error) error {
	if err == nil {
		return nil
	}
	s.fields = nil
	return fmt.Errorf("publish a summary: %w", err)
}

// Remove removes the summary of a dispatcher that has stopped.
func (s *Summaries) Remove(ctx context.Context) error {
	s.fields = nil
	_, err := s.redis.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		pipe.Del(ctx, summaryPrefix+s.name)
		pipe.SRem(ctx, summariesKey, s.name)
		return nil
	})
	if err != nil {
		return fmt.Errorf("remove a summary: %w", err)
	}
	return nil
}
