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

// QueuesOptions configure the queue's web UI. The UI shows all organizations and is therefore for the operator only. It is disabled unless
// Password or Open is set.
type QueuesOptions struct {
	// Password is the password of the user operator, for Basic authentication.
	Password string
	// Open serves the UI without a password. Use it only on loopback.
	Open bool
	// Writable allows the operator to run, archive and delete tasks. The database stays authoritative: a deleted task of a waiting delivery
	// is enqueued again.
	Writable bool
}

func (o QueuesOptions) enabled() bool { return o.Open || o.Password != "" }

// sharedRedis passes the service's Redis client to asynqmon.
type sharedRedis struct{ client redis.UniversalClient }

func (s sharedRedis) MakeRedisClient() any { return queue.Unwrap(s.client) }

var _ asynq.RedisConnOpt = sharedRedis{}

func queues(client redis.UniversalClient, options QueuesOptions) echo.HandlerFunc {
	// asynqmon is not closed. Its Close would only close the shared client.
	ui := asynqmon.New(asynqmon.Options{RootPath: queuesPath, RedisConnOpt: sharedRedis{client}, ReadOnly: !options.Writable})
	// A browser sends the operator's password also with requests that another site causes.
	sameOrigin := http.NewCrossOriginProtection()
	return func(c echo.Context) error {
		if !options.Open && !isOperator(c.Request(), options.Password) {
			c.Response().Header().Set(echo.HeaderWWWAuthenticate, `Basic realm="redrive operator", charset="UTF-8"`)
			return &refusal{http.StatusUnauthorized, "operator_only", "the queue's web UI asks for the user operator and the operator's password"}
		}
		if sameOrigin.Check(c.Request()) != nil {
			return &refusal{http.StatusForbidden, "cross_origin", "the queue's web UI accepts changes only from its own pages"}
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

func isOperator(r *http.Request, password string) bool {
	name, given, ok := r.BasicAuth()
	return SamePassword(operatorName+":"+password, name+":"+given) && ok
}

// SamePassword compares hashes in constant time, so that its duration reveals neither the password nor its length.
func SamePassword(password, given string) bool {
	want, got := sha256.Sum256([]byte(password)), sha256.Sum256([]byte(given))
	return subtle.ConstantTimeCompare(want[:], got[:]) == 1
}
