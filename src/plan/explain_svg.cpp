// The picture of a plan. Shapes as well as colours tell the actions apart, since not everyone sees the
// colours.
#include <algorithm>
#include <unordered_set>

#include "elastic/plan/explain.hpp"

namespace elastic::plan {
namespace {

using graph::History;
using graph::Snapshot;

constexpr int kColumn = 16, kRow = 18, kTop = 56, kLegend = 22, kCharacter = 7, kMaxNameWidth = 28;
// More than this nobody reads; the picture says how many it left out.
constexpr std::size_t kMaxRows = 300, kMaxColumns = 400;
constexpr const char* kStored = "#1f6fb4";
constexpr const char* kRecomputed = "#2a8a43";
constexpr const char* kLost = "#c0392b";
constexpr const char* kPast = "#b5b5b5";

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        // Control characters may not stand in XML at all.
        if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t') out += c;
    }
  }
  return out;
}

// At most so many bytes, cut between characters.
std::string shortened(const std::string& text, std::size_t width) {
  if (text.size() <= width) return text;
  std::size_t end = width - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

class Picture {
 public:
  Picture(const Plan& plan, const PlanInput& input) : plan_(plan), history_(*input.history) {
    const std::size_t cells = history_.cell_count();
    first_cell_ = cells > kMaxColumns ? cells - kMaxColumns : 0;
    columns_ = cells - first_cell_;
    rows_ = std::min(plan.variables.size(), kMaxRows);
    std::size_t longest = 8;
    for (std::size_t i = 0; i < rows_; ++i) {
      const std::size_t length = history_.name_of(plan.variables[i].variable).size();
      longest = std::max(longest, std::min<std::size_t>(length, kMaxNameWidth));
    }
    left_ = static_cast<int>(longest) * kCharacter + 16;
    for (const std::size_t holding : plan.older_loads) {
      for (const SnapshotId id : input.holdings[holding].snapshots) older_.insert(id);
    }
  }

  std::string draw() {
    const int width = std::max(left_ + static_cast<int>(columns_) * kColumn + 24, 620);
    const int bottom = kTop + static_cast<int>(rows_) * kRow;
    out_ = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + std::to_string(width) + "\" height=\"" +
           std::to_string(bottom + 2 * kLegend) + "\" font-family=\"monospace\" font-size=\"11\">\n" +
           "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n";
    draw_cells(bottom);
    for (std::size_t i = 0; i < rows_; ++i)
      draw_variable(plan_.variables[i], kTop + static_cast<int>(i) * kRow);
    draw_legend(bottom + kLegend);
    return std::move(out_) + "</svg>\n";
  }

 private:
  int x_of(CellIndex cell) const {
    return left_ + static_cast<int>(cell.value - first_cell_) * kColumn + kColumn / 2;
  }
  bool is_shown(CellIndex cell) const { return cell.value >= first_cell_; }

  void text(int x, int y, const std::string& content, const char* more = "") {
    out_ += "<text x=\"" + std::to_string(x) + "\" y=\"" + std::to_string(y) + "\" " + more + ">" +
            escaped(content) + "</text>\n";
  }

  // Every cell has a number at the top; the re-run ones a band through all rows.
  void draw_cells(int bottom) {
    std::unordered_set<CellIndex> rerun(plan_.cells_to_rerun.begin(), plan_.cells_to_rerun.end());
    for (std::size_t i = 0; i < columns_; ++i) {
      const CellIndex index{static_cast<std::uint32_t>(first_cell_ + i)};
      const graph::CellExecution& cell = history_.cell(index);
      const bool again = rerun.contains(index);
      std::string title = "cell " + std::to_string(index.value) + ", " + describe_us(cell.run_time_us) +
                          ", " + std::string(graph::name_of(cell.outcome)) + (again ? ", re-run" : "");
      if (!cell.rerunnable()) title += "; not re-run: " + cell.no_rerun_reason;
      title += "\n" + shortened(cell.source, 300);
      out_ += "<g><title>" + escaped(title) + "</title>";
      if (again) {
        out_ += "<rect x=\"" + std::to_string(x_of(index) - kColumn / 2) + "\" y=\"20\" width=\"" +
                std::to_string(kColumn) + "\" height=\"" + std::to_string(bottom - 20) +
                "\" fill=\"#e2f2e4\"/>";
      }
      out_ += "<text transform=\"translate(" + std::to_string(x_of(index) + 4) +
              ",48) rotate(-90)\" font-size=\"10\" fill=\"" + (cell.rerunnable() ? "#333" : kLost) + "\"" +
              (again ? " font-weight=\"bold\"" : "") + ">" + std::to_string(index.value) + "</text></g>\n";
    }
  }

  void draw_variable(const VariablePlan& variable, int y) {
    const int middle = y + kRow / 2;
    text(6, middle + 4, shortened(history_.name_of(variable.variable), kMaxNameWidth));
    const int right = left_ + static_cast<int>(columns_) * kColumn;
    out_ += "<line x1=\"" + std::to_string(left_) + "\" x2=\"" + std::to_string(right) + "\" y1=\"" +
            std::to_string(middle) + "\" y2=\"" + std::to_string(middle) + "\" stroke=\"#eee\"/>\n";
    for (const SnapshotId id : history_.versions(variable.variable)) {
      const Snapshot& snapshot = history_.snapshot(id);
      if (!is_shown(snapshot.writer)) {
        if (id == variable.snapshot) mark(variable, left_ - 4, middle);
        continue;
      }
      const int x = x_of(snapshot.writer);
      if (id == variable.snapshot) {
        mark(variable, x, middle);
      } else if (older_.contains(id)) {
        out_ += square(x, middle, "white") + "<title>an older version, loaded</title></rect>\n";
      } else {
        out_ += "<circle cx=\"" + std::to_string(x) + "\" cy=\"" + std::to_string(middle) +
                "\" r=\"2.5\" fill=\"" + kPast + "\"/>\n";
      }
    }
  }

  std::string square(int x, int y, const char* fill) const {
    return "<rect x=\"" + std::to_string(x - 5) + "\" y=\"" + std::to_string(y - 5) +
           "\" width=\"10\" height=\"10\" stroke=\"" + kStored + "\" fill=\"" + fill + "\">";
  }

  void mark(const VariablePlan& variable, int x, int y) {
    std::string title = history_.name_of(variable.variable) + ": " + std::string(name_of(variable.action));
    if (variable.action == Action::kStore) title += ", " + describe_bytes(variable.bytes);
    title += "; " + variable.why;
    shape(variable.action, x, y, "<title>" + escaped(title) + "</title>");
  }

  void shape(Action action, int x, int y, const std::string& inside) {
    const std::string cx = std::to_string(x), cy = std::to_string(y);
    switch (action) {
      case Action::kStore:
        out_ += square(x, y, kStored) + inside + "</rect>\n";
        return;
      case Action::kRecompute:
        out_ += "<circle cx=\"" + cx + "\" cy=\"" + cy + "\" r=\"5.5\" fill=\"" + kRecomputed + "\">" +
                inside + "</circle>\n";
        return;
      case Action::kLost:
        out_ += "<g stroke=\"" + std::string(kLost) + "\" stroke-width=\"2.5\">" + inside + "<line x1=\"" +
                std::to_string(x - 5) + "\" y1=\"" + std::to_string(y - 5) + "\" x2=\"" +
                std::to_string(x + 5) + "\" y2=\"" + std::to_string(y + 5) + "\"/><line x1=\"" +
                std::to_string(x - 5) + "\" y1=\"" + std::to_string(y + 5) + "\" x2=\"" +
                std::to_string(x + 5) + "\" y2=\"" + std::to_string(y - 5) + "\"/></g>\n";
        return;
    }
  }

  void draw_legend(int y) {
    std::size_t counts[3] = {0, 0, 0};
    for (const VariablePlan& variable : plan_.variables) ++counts[static_cast<std::size_t>(variable.action)];
    int x = 14;
    for (const Action action : {Action::kStore, Action::kRecompute, Action::kLost}) {
      const std::size_t count = counts[static_cast<std::size_t>(action)];
      shape(action, x, y, "");
      const std::string label = std::string(name_of(action)) + " " + std::to_string(count);
      text(x + 10, y + 4, label);
      x += 26 + static_cast<int>(label.size()) * kCharacter;
    }
    std::string rest = std::to_string(plan_.cells_to_rerun.size()) + " cells re-run; " +
                       describe_us(plan_.cost.total_us) + " (store all " +
                       describe_us(plan_.store_all.total_us) + ", recompute all " +
                       describe_us(plan_.recompute_all.total_us) + ")";
    if (first_cell_ > 0) rest += "; cells before " + std::to_string(first_cell_) + " left out";
    if (rows_ < plan_.variables.size()) {
      rest += "; " + std::to_string(plan_.variables.size() - rows_) + " variables left out";
    }
    text(6, 14, rest);
  }

  const Plan& plan_;
  const History& history_;
  std::size_t first_cell_ = 0, columns_ = 0, rows_ = 0;
  int left_ = 0;
  std::unordered_set<SnapshotId> older_;
  std::string out_;
};

}  // namespace

std::string to_svg(const Plan& plan, const PlanInput& input) { return Picture(plan, input).draw(); }

}  // namespace elastic::plan
