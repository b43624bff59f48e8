package awsfake

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// MotoVariable names the environment variable that holds the path of moto's moto_server; without it, it is looked for
// on the PATH.
const MotoVariable = "ACMDOCTOR_MOTO"

// Moto starts moto's server, which nobody here wrote, on a free port of this machine, and gives its URL. It plays all
// services; it judges the form of what is sent, hardly its meaning. Where it is not installed the test is skipped, and
// fails where CI is set.
func Moto(t *testing.T, environment ...string) string {
	t.Helper()
	path := os.Getenv(MotoVariable)
	if path == "" {
		path, _ = exec.LookPath("moto_server")
	}
	if path == "" {
		if os.Getenv("CI") != "" {
			t.Fatalf("moto_server is not installed: %s names none", MotoVariable)
		}
		t.Skipf("moto_server is not installed: set %s to it (pip install 'moto[server]')", MotoVariable)
	}
	cmd := exec.Command(path, "-H", "127.0.0.1", "-p", "0")
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "PYTHONDONTWRITEBYTECODE=1"}, environment...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	found := make(chan string, 1)
	go func() {
		defer close(found)
		lines := bufio.NewScanner(stderr)
		for lines.Scan() {
			if _, url, ok := strings.Cut(lines.Text(), "Running on "); ok {
				found <- strings.TrimSpace(url)
				break
			}
		}
		_, _ = io.Copy(io.Discard, stderr)
	}()
	select {
	case url, ok := <-found:
		if !ok {
			t.Fatal("moto_server ended before it listened")
		}
		res, err := LoopbackOnly().Get(url + "/moto-api/data.json")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Fatalf("moto_server: %s", res.Status)
		}
		return url
	case <-time.After(2 * time.Minute):
		t.Fatal("moto_server did not listen within two minutes")
	}
	return ""
}
