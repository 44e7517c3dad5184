// From patches to the preview's pixels and back. A camera's picture is one rectangle of the preview.

// Model pixels -> preview pixels.
export function modelToPreview(camera) {
  const [x, y, width, height] = camera.rect;
  const [rows, columns] = camera.size;
  return new DOMMatrix([width / columns, 0, 0, height / rows, x, y]).multiply(new DOMMatrix(camera.matrix));
}

// Patches (column, row) -> preview pixels.
export function patchToPreview(camera, [rows, columns]) {
  const [height, width] = camera.model_size;
  return modelToPreview(camera).multiply(new DOMMatrix([width / columns, 0, 0, height / rows, 0, 0]));
}

// Cells of the label map -> preview pixels; they cover the camera's whole picture.
export function cellToPreview(camera, [rows, columns]) {
  const [x, y, width, height] = camera.rect;
  return new DOMMatrix([width / columns, 0, 0, height / rows, x, y]);
}

export function cameraAt(cameras, x, y) {
  return cameras.findIndex(({ rect }) => x >= rect[0] && y >= rect[1] && x < rect[0] + rect[2] && y < rect[1] + rect[3]);
}

// {row, column} of the patch under a point of the preview; null where the policy does not look.
export function patchAt(camera, grid, x, y) {
  const point = patchToPreview(camera, grid).inverse().transformPoint(new DOMPoint(x, y));
  const [row, column] = [Math.floor(point.y), Math.floor(point.x)];
  return row < 0 || column < 0 || row >= grid[0] || column >= grid[1] ? null : { row, column };
}

// The same place in another grid.
export function moved({ row, column }, from, to) {
  const at = (index, a, b) => Math.min(b - 1, Math.floor(((index + 0.5) * b) / a));
  return { row: at(row, from[0], to[0]), column: at(column, from[1], to[1]) };
}

// Where another policy looks at the middle of a cell of a camera: {camera, row, column} in its own grid; null: nowhere.
export function sameSpot(camera, grid, { row, column }, others, otherGrid) {
  const number = others.findIndex(({ name }) => name === camera.name);
  if (number < 0) return null;
  const point = patchToPreview(camera, grid).transformPoint(new DOMPoint(column + 0.5, row + 0.5));
  const [from, to] = [camera.rect, others[number].rect];
  const cell = patchAt(others[number], otherGrid, to[0] + ((point.x - from[0]) / from[2]) * to[2], to[1] + ((point.y - from[1]) / from[3]) * to[3]);
  return cell ? { camera: number, ...cell } : null;
}

export function seesAll(camera) {
  const matrix = modelToPreview(camera).inverse();
  const [x, y, width, height] = camera.rect;
  const [rows, columns] = camera.model_size;
  return [[x, y], [x + width, y], [x, y + height], [x + width, y + height]].every(([px, py]) => {
    const point = matrix.transformPoint(new DOMPoint(px, py));
    return point.x > -0.5 && point.y > -0.5 && point.x < columns + 0.5 && point.y < rows + 0.5;
  });
}

// Outlines of the ids in a label map, as segments between the middles of cells that differ (marching squares).
// id -> Path2D in units of cells.
export function outlines(labels, rows, columns) {
  const paths = new Map();
  const pathOf = (id) => {
    if (!paths.has(id)) paths.set(id, new Path2D());
    return paths.get(id);
  };
  const at = (row, column) => (row < 0 || column < 0 || row >= rows || column >= columns ? 0 : labels[row * columns + column]);
  const SIDES = { t: [0.5, 0], r: [1, 0.5], b: [0.5, 1], l: [0, 0.5] };
  const CASES = ["", "lt", "tr", "lr", "rb", "ltrb", "tb", "lb", "bl", "tb", "trbl", "rb", "lr", "tr", "lt", ""];
  for (let row = -1; row < rows; row++) {
    for (let column = -1; column < columns; column++) {
      const corners = [at(row, column), at(row, column + 1), at(row + 1, column + 1), at(row + 1, column)];
      if (corners[0] === corners[1] && corners[1] === corners[2] && corners[2] === corners[3]) continue;
      for (const id of new Set(corners)) {
        if (id === 0) continue;
        const sides = CASES[corners.reduce((bits, corner, bit) => bits | ((corner === id) << bit), 0)];
        const path = pathOf(id);
        for (let i = 0; i + 1 < sides.length; i += 2) {
          const [a, b] = [SIDES[sides[i]], SIDES[sides[i + 1]]];
          path.moveTo(column + 0.5 + a[0], row + 0.5 + a[1]);
          path.lineTo(column + 0.5 + b[0], row + 0.5 + b[1]);
        }
      }
    }
  }
  return paths;
}
