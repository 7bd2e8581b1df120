package containers

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

var golangStandin = standin{
	packages: []debian{busybox},
	content: func(r *rootfs) error {
		goroot, err := goCommand(r.ctx, "", nil, "env", "GOROOT")
		if err != nil {
			return err
		}
		r.base()
		r.tree(strings.TrimSpace(goroot), "/usr/local/go", "test", "api", "doc")
		r.dir("/go", 0o777, root)
		r.dir("/root", 0o700, root)
		return nil
	},
	settings: "ENV GOPATH=/go GOTOOLCHAIN=local\nWORKDIR /go\n",
	version:  []string{"go", "version"},
}

//go:embed postgres.sh
var postgresEntrypoint string

// postgresPrograms are the programs that the official image's users and its entry point call.
var postgresPrograms = []string{"postgres", "initdb", "pg_ctl", "pg_isready", "createdb", "psql", "pg_dump", "pg_restore"}

var postgresStandin = standin{
	packages: []debian{busybox, {"postgresql", "/usr/lib/postgresql/*/bin/postgres"}},
	content: func(r *rootfs) error {
		version, err := newest("/usr/lib/postgresql/*/bin/postgres")
		if err != nil {
			return err
		}
		programs, share := "/usr/lib/postgresql/"+version, "/usr/share/postgresql/"+version
		user := account{"postgres", "/var/lib/postgresql", owner{70, 70}}
		r.base(user)
		for _, program := range postgresPrograms {
			r.program(programs + "/bin/" + program)
			r.link("/usr/local/bin/"+program, programs+"/bin/"+program)
		}
		for _, library := range []string{"dict_snowball", "plpgsql", "pgcrypto", "pg_stat_statements"} {
			r.program(programs + "/lib/" + library + ".so")
		}
		// The official image listens on every address.
		sample, err := os.ReadFile(filepath.Join(share, "postgresql.conf.sample"))
		if err != nil {
			return fmt.Errorf("read the sample configuration: %w", err)
		}
		r.text(share+"/postgresql.conf.sample", 0o644, string(sample)+"\nlisten_addresses = '*'\n")
		r.tree(share, share)
		r.tree("/usr/share/zoneinfo", "/usr/share/zoneinfo")
		r.text("/usr/local/bin/docker-entrypoint.sh", 0o755, postgresEntrypoint)
		r.dir("/var/lib/postgresql", 0o755, user.owner)
		r.dir("/var/lib/postgresql/data", 0o700, user.owner)
		r.dir("/var/run/postgresql", 0o3777, user.owner)
		return nil
	},
	settings: "ENV PGDATA=/var/lib/postgresql/data\nVOLUME /var/lib/postgresql/data\nSTOPSIGNAL SIGINT\nEXPOSE 5432\n" +
		"ENTRYPOINT [\"docker-entrypoint.sh\"]\nCMD [\"postgres\"]\n",
	version: []string{"postgres", "--version"},
}

var redisStandin = standin{
	packages: []debian{busybox, {"redis-server", "/usr/bin/redis-server"}},
	content: func(r *rootfs) error {
		user := account{"redis", "/data", owner{999, 1000}}
		r.base(user)
		r.program("/usr/bin/redis-server")
		r.program("/usr/bin/redis-cli")
		r.dir("/data", 0o755, user.owner)
		return nil
	},
	settings: "VOLUME /data\nWORKDIR /data\nEXPOSE 6379\nCMD [\"redis-server\"]\n",
	version:  []string{"redis-server", "--version"},
}

var prometheusStandin = standin{
	packages: []debian{busybox, {"prometheus", "/usr/bin/prometheus"}},
	content: func(r *rootfs) error {
		r.base()
		r.program("/usr/bin/prometheus")
		r.dir("/prometheus", 0o755, owner{65534, 65534})
		return nil
	},
	settings: "VOLUME /prometheus\nWORKDIR /prometheus\nEXPOSE 9090\nENTRYPOINT [\"/usr/bin/prometheus\"]\n",
	version:  []string{"prometheus", "--version"},
}

var haproxyStandin = standin{
	packages: []debian{busybox, {"haproxy", "/usr/sbin/haproxy"}},
	content: func(r *rootfs) error {
		r.base(account{"haproxy", "/var/lib/haproxy", owner{99, 99}})
		r.program("/usr/sbin/haproxy")
		r.dir("/var/lib/haproxy", 0o755, owner{99, 99})
		return nil
	},
	settings: "EXPOSE 8080\nSTOPSIGNAL SIGUSR1\nCMD [\"haproxy\", \"-W\", \"-db\", \"-f\", \"/usr/local/etc/haproxy/haproxy.cfg\"]\n",
	version:  []string{"haproxy", "-v"},
}

var alertmanagerStandin = standin{
	packages: []debian{busybox, {"prometheus-alertmanager", "/usr/bin/prometheus-alertmanager"}},
	content: func(r *rootfs) error {
		r.base()
		r.program("/usr/bin/prometheus-alertmanager")
		r.tree("/usr/share/prometheus/alertmanager", "/usr/share/prometheus/alertmanager")
		r.dir("/alertmanager", 0o755, owner{65534, 65534})
		return nil
	},
	settings: "VOLUME /alertmanager\nWORKDIR /alertmanager\nEXPOSE 9093\nENTRYPOINT [\"/usr/bin/prometheus-alertmanager\"]\n",
	version:  []string{"/usr/bin/prometheus-alertmanager", "--version"},
}

// newest returns the newest of the paths that match the pattern, by version.
func newest(pattern string) (version string, err error) {
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) == 0 {
		return "", fmt.Errorf("nothing is installed at %s: %w", pattern, err)
	}
	before, _, _ := strings.Cut(pattern, "*")
	number := func(path string) float64 {
		text, _, _ := strings.Cut(strings.TrimPrefix(path, before), "/")
		value, _ := strconv.ParseFloat(text, 64) // a name that is no number counts as old
		return value
	}
	latest := slices.MaxFunc(found, func(a, b string) int { return int(number(a)*10 - number(b)*10) })
	version, _, _ = strings.Cut(strings.TrimPrefix(latest, before), "/")
	return version, nil
}
