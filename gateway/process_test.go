package gateway

import (
	"os"
	"path/filepath"
	"testing"
)

func TestGroupMemory(t *testing.T) {
	tests := []struct {
		name  string
		files map[string]string
		want  int64
	}{
		{"no control groups", nil, 0},
		{"version 2", map[string]string{
			"proc/self/cgroup":                              "0::/app.slice/gw.service\n",
			"sys/fs/cgroup/app.slice/memory.max":            "max\n",
			"sys/fs/cgroup/app.slice/gw.service/memory.max": "268435456\n",
		}, 256 << 20},
		{"version 2, the parent is tighter", map[string]string{
			"proc/self/cgroup":             "0::/a/b\n",
			"sys/fs/cgroup/a/memory.max":   "1000000\n",
			"sys/fs/cgroup/a/b/memory.max": "2000000\n",
		}, 1_000_000},
		{"version 2 in a container, whose path is the host's", map[string]string{
			"proc/self/cgroup":         "0::/kubepods/pod1/c1\n",
			"sys/fs/cgroup/memory.max": "134217728\n",
		}, 128 << 20},
		{"version 2 without a limit", map[string]string{
			"proc/self/cgroup":         "0::/\n",
			"sys/fs/cgroup/memory.max": "max\n",
		}, 0},
		{"version 1", map[string]string{
			"proc/self/cgroup": "12:cpu,cpuacct:/x\n5:memory:/docker/1\n",
			"sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes": "536870912\n",
		}, 512 << 20},
		{"version 1 without a limit", map[string]string{
			"proc/self/cgroup":                           "5:memory:/\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
		}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			for name, text := range tt.files {
				name = filepath.Join(root, name)
				if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if got := groupMemory(root); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

func TestMostConnections(t *testing.T) {
	for files, want := range map[uint64]int{128: 57, 20_000: 9_000, 1 << 20: 50_000} {
		if got := mostConnections(files); got != want {
			t.Errorf("%d files: got %d connections, want %d", files, got, want)
		}
	}
}
