/* Whether this browser can draw with WebGL; asked once, since each answer costs a context. */
let answer = null;

export function hasWebGL() {
  if (answer === null) {
    try {
      const context = document.createElement("canvas").getContext("webgl2");
      answer = context !== null;
      context?.getExtension("WEBGL_lose_context")?.loseContext();
    } catch {
      answer = false;
    }
  }
  return answer;
}
