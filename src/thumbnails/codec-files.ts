/** Files of WebAssembly below `node_modules/@jsquash`, which the build embeds under their last names. */
export const codecFiles = {
  jpegDecoder: 'jpeg/codec/dec/mozjpeg_dec.wasm',
  jpegEncoder: 'jpeg/codec/enc/mozjpeg_enc.wasm',
  png: 'png/codec/pkg/squoosh_png_bg.wasm',
  resize: 'resize/lib/resize/pkg/squoosh_resize_bg.wasm',
  webpDecoder: 'webp/codec/dec/webp_dec.wasm',
} as const
