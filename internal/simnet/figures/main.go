// Command figures measures checks of many records against a simulated internet: in CPU time per record and question, against
// the bare exchange of the same questions and against a plain loop over a DNS library, in memory, and over a network that is
// slow or loses packets. Client and internet are processes of their own, each on a core of its own where taskset is there.
//
//	go run ./internal/simnet/figures            # the table of docs/scale.md, some minutes
//	go run ./internal/simnet/figures -quick     # the same with a tenth of the records
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/acmdoctor/acmdoctor/internal/simnet"
)

func main() {
	quick := flag.Bool("quick", false, "a tenth of the records, and no million")
	flag.Parse()
	var err error
	switch flag.Arg(0) {
	case "serve":
		err = serve(flag.Args()[1:])
	case "client":
		err = client(flag.Args()[1:])
	default:
		err = drive(*quick, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "figures:", err)
		os.Exit(1)
	}
}

// run is one measurement.
type run struct {
	name    string
	how     string // audit, bare, library
	records int
	world   simnet.World
	window  int // records under way at a time; 0: as the audit does
}

// outcome is what a client measured.
type outcome struct {
	Records   int
	CPU       time.Duration
	Wall      time.Duration
	Peak      int64 // of resident memory, in bytes
	Questions int64
	Wrong     int // verdicts
	Unknown   int // verdicts undetermined
	Server    simnet.Counts
}

func drive(quick bool, w io.Writer) error {
	n := 100_000
	if quick {
		n = 10_000
	}
	usual := simnet.World{Domains: n, Signed: 50, Hosts: 500}
	broken := usual
	broken.Broken, broken.Silent = 50, 0
	silent := usual
	silent.Silent = 4
	slow, lossy, loss2 := usual, usual, usual
	slow.Latency = 20 * time.Millisecond
	lossy.Latency, lossy.LossParts = 20*time.Millisecond, 10
	loss2.LossParts = 20
	unsigned, signed := usual, usual
	unsigned.Signed, signed.Signed = 0, 1000
	signed.Domains = n / 4
	runs := []run{
		{name: "5 % signed", how: "audit", records: n, world: usual},
		{name: "the same questions, bare", how: "bare", records: n, world: usual},
		{name: "the same questions, a loop over miekg/dns", how: "library", records: n / 4, world: usual},
		{name: "none signed", how: "audit", records: n, world: unsigned},
		{name: "all signed", how: "audit", records: n / 4, world: signed},
		{name: "5 % broken", how: "audit", records: n, world: broken},
		{name: "0.4 % of servers silent", how: "audit", records: n, world: silent},
		{name: "2 % loss", how: "audit", records: n, world: loss2},
		{name: "20 ms", how: "audit", records: n, world: slow},
		{name: "20 ms, 1 % loss", how: "audit", records: n, world: lossy},
		{name: "10,000 records", how: "audit", records: 10_000, world: usual},
	}
	if !quick {
		million := usual
		million.Domains = 1_000_000
		runs = append(runs, run{name: "1,000,000 records", how: "audit", records: 1_000_000, world: million})
	}
	fmt.Fprintf(w, "Go %s, %d cores, %s.\n\n", strings.TrimPrefix(runtime.Version(), "go"), runtime.NumCPU(), time.Now().UTC().Format("2006-01-02"))
	fmt.Fprintln(w, "| | records/s | CPU µs a record | of bare | questions a record | CPU µs a question | asked twice | peak memory | source ports | wrong | undetermined |")
	fmt.Fprintln(w, "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
	results := make([]outcome, len(runs))
	for _, i := range order(len(runs)) { // the bare exchange first: the others are told as its multiples
		var err error
		if results[i], err = runs[i].measure(); err != nil {
			return fmt.Errorf("%s: %w", runs[i].name, err)
		}
		fmt.Fprintf(os.Stderr, "%s: %+v\n", runs[i].name, results[i])
	}
	bare := results[1]
	perBare := bare.CPU.Seconds() / float64(bare.Records)
	for i, r := range runs {
		o := results[i]
		per := o.CPU.Seconds() / float64(o.Records)
		questions := float64(o.Questions) / float64(o.Records)
		fmt.Fprintf(w, "| %s | %.0f | %.0f | %.1f | %.2f | %.1f | %.2f %% | %d MB | %d | %d | %d |\n", r.name,
			float64(o.Records)/o.Wall.Seconds(), per*1e6, per/perBare, questions, per*1e6/questions,
			100*float64(o.Server.Repeated)/float64(max(1, o.Server.Questions)), o.Peak>>20, o.Server.Ports, o.Wrong, o.Unknown)
	}
	each, err := inFlight(n / 2)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "\nA record in flight: %.1f KB of peak memory.\n", each/1024)
	return err
}

// inFlight tells what a record under way takes, in bytes of peak memory: the same records over a network so slow that they
// pile up, a few at a time and many.
func inFlight(n int) (each float64, err error) {
	r := run{how: "audit", records: n, world: simnet.World{Domains: n, Signed: 50, Hosts: 500, Latency: 300 * time.Millisecond}}
	var peaks [2]int64
	windows := [2]int{1000, 5000}
	for i, window := range windows {
		r.window = window
		o, err := r.measure()
		if err != nil {
			return 0, fmt.Errorf("%d in flight: %w", window, err)
		}
		peaks[i] = o.Peak
	}
	return float64(peaks[1]-peaks[0]) / float64(windows[1]-windows[0]), nil
}

// order is the order of measuring: the second first.
func order(n int) []int {
	out := []int{1, 0}
	for i := 2; i < n; i++ {
		out = append(out, i)
	}
	return out
}

// pinned is a command of this program on one core.
func pinned(core int, args ...string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	if taskset, err := exec.LookPath("taskset"); err == nil && runtime.NumCPU() > 1 {
		return exec.Command(taskset, append([]string{"-c", strconv.Itoa(core), self}, args...)...)
	}
	return exec.Command(self, args...)
}

func (r run) measure() (o outcome, err error) {
	world, err := json.Marshal(r.world)
	if err != nil {
		return o, err
	}
	server := pinned(1, "serve", string(world), strconv.Itoa(min(r.records, r.world.Domains)))
	stop, err := server.StdinPipe()
	if err != nil {
		return o, err
	}
	out, err := server.StdoutPipe()
	if err != nil {
		return o, err
	}
	server.Stderr = os.Stderr
	if err := server.Start(); err != nil {
		return o, err
	}
	lines := bufio.NewReader(out)
	ready, err := lines.ReadString('\n')
	if err != nil {
		return o, fmt.Errorf("the internet does not start: %w", err)
	}
	port, anchors, _ := strings.Cut(strings.TrimSpace(ready), " ")
	client := pinned(0, "client", r.how, string(world), strconv.Itoa(r.records), strconv.Itoa(r.window), port, anchors)
	client.Env = append(os.Environ(), "GOMAXPROCS=1")
	client.Stderr = os.Stderr
	text, err := client.Output()
	if err != nil {
		return o, err
	}
	if err := json.Unmarshal(text, &o); err != nil {
		return o, err
	}
	if err := stop.Close(); err != nil {
		return o, err
	}
	if err := json.NewDecoder(lines).Decode(&o.Server); err != nil {
		return o, err
	}
	return o, server.Wait()
}

// serve serves a world until its input ends, and then tells what was asked.
func serve(args []string) error {
	var w simnet.World
	if err := json.Unmarshal([]byte(args[0]), &w); err != nil {
		return err
	}
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	s, err := w.Serve(0)
	if err != nil {
		return err
	}
	s.Prepare(n)
	if n <= 100_000 {
		s.Count()
	}
	fmt.Println(s.Port, strings.TrimSpace(s.Anchors()))
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(s.Counted()); err != nil {
		return err
	}
	return s.Close()
}
