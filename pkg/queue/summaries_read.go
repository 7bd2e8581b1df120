package queue

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// NamedSummary is what a dispatcher has published last, without the single attempts.
type NamedSummary struct {
	// Name tells dispatchers apart. A dispatcher that starts again has another one.
	Name       string
	Dispatcher DispatcherState
	Endpoints  map[string]EndpointState
	// InFlight is the number of attempts in flight.
	InFlight int
}

// SummaryReader reads the summaries of all dispatchers. It is safe for concurrent use.
type SummaryReader struct{ redis redis.UniversalClient }

// NewSummaryReader makes a SummaryReader.
func NewSummaryReader(client redis.UniversalClient) *SummaryReader { return &SummaryReader{client} }

// readSummariesScript returns, for each dispatcher with a summary, its name, the number of its attempts, and then the other fields with
// their values. It changes nothing. KEYS: names. ARGV: prefix of summaries, prefix of the fields of attempts.
var readSummariesScript = redis.NewScript(`
local summaries = {}
for _, name in ipairs(redis.call("SMEMBERS", KEYS[1])) do
	local fields = redis.call("HGETALL", ARGV[1] .. name)
	if #fields > 0 then
		local attempts, summary = 0, {name, 0}
		for i = 1, #fields, 2 do
			if string.sub(fields[i], 1, #ARGV[2]) == ARGV[2] then
				attempts = attempts + 1
			else
				summary[#summary + 1] = fields[i]
				summary[#summary + 1] = fields[i + 1]
			end
		end
		summary[2] = attempts
		summaries[#summaries + 1] = summary
	end
end
return summaries`)

// ReadSummaries returns the summaries of all dispatchers that have one, those that stop among them, in no order. It is one round trip.
func (r *SummaryReader) ReadSummaries(ctx context.Context) ([]NamedSummary, error) {
	reply, err := readSummariesScript.Run(ctx, r.redis, []string{summariesKey}, summaryPrefix, attemptFieldPrefix).Slice()
	if err != nil {
		return nil, fmt.Errorf("read the summaries of dispatchers: %w", err)
	}
	summaries := make([]NamedSummary, len(reply))
	for i, value := range reply {
		if summaries[i], err = readSummary(value); err != nil {
			return nil, fmt.Errorf("read the summaries of dispatchers: %w", err)
		}
	}
	return summaries, nil
}

func readSummary(value any) (s NamedSummary, err error) {
	fields, _ := value.([]any)
	if len(fields) < 2 || len(fields)%2 != 0 {
		return s, fmt.Errorf("a summary has %d fields", len(fields))
	}
	s.Name, _ = fields[0].(string)
	attempts, _ := fields[1].(int64)
	s.Endpoints = map[string]EndpointState{}
	for i := 2; i < len(fields); i += 2 {
		field, _ := fields[i].(string)
		id, ofEndpoint := strings.CutPrefix(field, endpointFieldPrefix)
		switch {
		case field == dispatcherField:
			_, err = decodeField(fields[i+1], &s.Dispatcher)
		case ofEndpoint:
			var state EndpointState
			_, err = decodeField(fields[i+1], &state)
			s.Endpoints[id] = state
		}
		if err != nil {
			return s, err
		}
	}
	s.InFlight = int(attempts) + s.Dispatcher.OmittedAttempts
	return s, nil
}
