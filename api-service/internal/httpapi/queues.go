package httpapi

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"

	"github.com/hibiken/asynq"
	"github.com/hibiken/asynqmon"
	"github.com/labstack/echo/v4"
	"github.com/redis/go-redis/v9"

	"redrive/pkg/queue"
)

const (
	queuesPath   = "/queues"
	operatorName = "operator"
)

// QueuesOptions open the queue's web UI. It shows every organization and is therefore the operator's: without a password,
// and without Open, it is not there.
type QueuesOptions struct {
	// Password is asked for by Basic auth, with the user name operator.
	Password string
	// Open serves the UI without a password: for a laptop, on loopback.
	Open bool
	// Writable lets the operator run, archive and delete tasks. The database decides all the same: what is deleted here is
	// enqueued again.
	Writable bool
}

func (o QueuesOptions) enabled() bool { return o.Open || o.Password != "" }

// sharedRedis hands our client to asynqmon.
type sharedRedis struct{ client redis.UniversalClient }

func (s sharedRedis) MakeRedisClient() any { return queue.Unwrap(s.client) }

var _ asynq.RedisConnOpt = sharedRedis{}

func queues(client redis.UniversalClient, options QueuesOptions) echo.HandlerFunc {
	// asynqmon's own Close would close our client; it holds nothing else.
	ui := asynqmon.New(asynqmon.Options{RootPath: queuesPath, RedisConnOpt: sharedRedis{client}, ReadOnly: !options.Writable})
	// A browser sends the operator's password along with whatever another site makes it ask for.
	sameOrigin := http.NewCrossOriginProtection()
	return func(c echo.Context) error {
		if !options.Open && !isOperator(c.Request(), options.Password) {
			c.Response().Header().Set(echo.HeaderWWWAuthenticate, `Basic realm="redrive operator", charset="UTF-8"`)
			return &refusal{http.StatusUnauthorized, "operator_only", "the queue's web UI asks for the user operator and the operator's password"}
		}
		if sameOrigin.Check(c.Request()) != nil {
			return &refusal{http.StatusForbidden, "cross_origin", "the queue's web UI takes changes from its own pages alone"}
		}
		if err := checkQueuesRequest(c, options.Writable); err != nil {
			return err
		}
		c.Response().Header().Set(echo.HeaderContentSecurityPolicy, ownPagesAllowed)
		page := &localPage{ResponseWriter: c.Response(), api: isQueuesAPI(c.Request())}
		ui.ServeHTTP(page, asGet(c.Request()))
		return page.flush()
	}
}

// isOperator compares hashes, so that the time it takes tells nothing of the password, its length included.
func isOperator(r *http.Request, password string) bool {
	name, given, ok := r.BasicAuth()
	want, got := sha256.Sum256([]byte(operatorName+":"+password)), sha256.Sum256([]byte(name+":"+given))
	return subtle.ConstantTimeCompare(want[:], got[:]) == 1 && ok
}
